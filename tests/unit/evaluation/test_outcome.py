"""What became of a question, in measures."""

from __future__ import annotations

import pytest

from pipelines.domain.answers import Answer, Citation
from pipelines.domain.documents import Box, PageBox
from pipelines.domain.evaluation import EvidencePlace, GoldenQuestion
from pipelines.evaluation.compare import differences
from pipelines.evaluation.golden import InvalidGoldenSet, dump, parse
from pipelines.evaluation.outcome import outcome, scores
from tests.fakes.passages import passage

LEAVE = GoldenQuestion("How much leave?", (EvidencePlace("handbook.pdf", 3),), "28 days")
NOWHERE = GoldenQuestion("Who painted it?", ())
FOUND = [passage("Nothing.", chunk_id="chk_0"), passage("Leave is 28 days.")]


def _citation(page: int) -> Citation:
    boxes = (PageBox(page, Box(0, 0, 1, 1)),)
    return Citation(1, "doc_1", "ver_1", "chk_1", "Handbook", "handbook.pdf", page, boxes, "28 days", 0, 7)


def _answer(text: str, *pages: int) -> Answer:
    cited = tuple(map(_citation, pages))
    return Answer("ans_1", text, cited, grounded=bool(cited), abstained=not cited, confidence=0.7)


def test_a_right_answer_on_the_right_page() -> None:
    measures = outcome(LEAVE, FOUND, _answer("Leave is 28 days. [1]", 3, 9), 12.0)
    assert measures["recall@1"] == measures["correct"] == measures["citation_recall"] == measures["grounded"] == 1
    assert (measures["citation_precision"], measures["wrong"], measures["answered"]) == (0.5, 0, 1)


def test_an_answer_that_cites_no_evidence_is_wrong() -> None:
    measures = outcome(LEAVE, FOUND, _answer("Leave is 28 days. [1]", 9), 12.0)
    assert (measures["wrong"], measures["citation_recall"], measures["citation_precision"]) == (1, 0, 0)


def test_silence_is_never_wrong() -> None:
    assert outcome(LEAVE, FOUND, _answer("Not found."), 12.0)["wrong"] == 0
    assert outcome(NOWHERE, FOUND, _answer("Not found."), 12.0) == {"latency_ms": 12.0, "abstained": 1, "wrong": 0}
    assert outcome(NOWHERE, FOUND, _answer("Ada. [1]", 3), 12.0)["wrong"] == 1


def test_scores_are_means_over_the_questions_that_a_measure_applies_to() -> None:
    found = scores(
        [outcome(LEAVE, FOUND, _answer("28 days. [1]", 3), 10.0), outcome(NOWHERE, FOUND, _answer("None."), 30.0)]
    )
    assert (found["recall@1"], found["abstained"], found["wrong"], found["questions"]) == (1, 1, 0, 2)
    assert (found["latency_p50_ms"], found["latency_p95_ms"]) == (30, 30)


def test_a_difference_that_chance_makes_is_told_from_one_that_it_does_not() -> None:
    before = [{"recall@5": float(number % 2)} for number in range(60)]
    better = [{"recall@5": 1.0} for _ in range(60)]
    luck = [{"recall@5": float(number % 2)} for number in range(1, 61)]
    found = differences(before, better)["recall@5"]
    assert (found.before, found.after, found.questions) == (0.5, 1.0, 60)
    assert found.p < 0.01
    assert 0.3 < found.low < 0.5 < found.high < 0.7
    assert differences(before, luck)["recall@5"].p > 0.5


def test_questions_that_nothing_answers_are_golden_too() -> None:
    text = '{"question": "Who painted it?", "answerable": false}\n'
    assert parse(text) == [NOWHERE]
    assert dump([NOWHERE]) == text


@pytest.mark.parametrize(
    "line",
    [
        '{"question": "Q", "answerable": false, "answer": "A"}',
        '{"question": "Q", "answerable": "no"}',
        '{"question": "Q", "evidence": []}',
        '{"question": "Q", "answerable": true}',
    ],
)
def test_a_question_is_the_one_or_the_other(line: str) -> None:
    with pytest.raises(InvalidGoldenSet, match="Line 1"):
        parse(line)
