from __future__ import annotations

from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.domain.answers import CatalogedChunk
from pipelines.domain.evaluation import EvidencePlace, GoldenQuestion, Quality
from pipelines.evaluation.compare import worse
from pipelines.evaluation.golden import InvalidGoldenSet, dump, parse
from pipelines.evaluation.measures import mean, quality, shows
from tests.contract.samples import chunks, version


def _found(document: str, page: int, text: str = "Some text.") -> CatalogedChunk:
    row = chunks(version(document, document), ["x"] * (page - 1) + [text])[page - 1]
    return CatalogedChunk(row, document, f"Title of {document}", f"{document}.pdf")


PLACES = (EvidencePlace("a.pdf", 2), EvidencePlace("b"))
GOLDEN = GoldenQuestion("What?", PLACES)


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        (EvidencePlace("a"), True),
        (EvidencePlace("a.pdf"), True),
        (EvidencePlace("Title of a"), True),
        (EvidencePlace("b"), False),
        (EvidencePlace("a", 2), True),
        (EvidencePlace("a", 3), False),
        (EvidencePlace("a", 2, "LEAVE  is\n28 days"), True),
        (EvidencePlace("a", 2, "Leave is 29 days"), False),
    ],
)
def test_a_chunk_shows_a_place_of_its_document_and_page_that_holds_the_words(place: EvidencePlace, shown: bool) -> None:
    assert shows(_found("a", 2, "Annual leave is 28 days."), place) is shown


def test_the_measures_are_those_of_the_literature() -> None:
    ranking = [_found("c", 1), _found("a", 2), _found("a", 2), _found("b", 1)]
    ideal = 1 + 1 / log2(3)
    assert quality(GOLDEN, ranking, 10) == pytest.approx(Quality(1.0, (1 / log2(3) + 1 / log2(5)) / ideal, 0.5))
    assert quality(GOLDEN, ranking, 3) == pytest.approx(Quality(0.5, (1 / log2(3)) / ideal, 0.5))
    assert quality(GOLDEN, ranking[:1], 10) == Quality(0, 0, 0)
    assert quality(GOLDEN, [_found("a", 2), _found("b", 1)], 10) == Quality(1, 1, 1)
    assert mean([Quality(1, 1, 1), Quality(0, 0.5, 0)]) == Quality(0.5, 0.75, 0.5)


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=12), st.integers(1, 12))
def test_a_measure_is_a_share_and_more_of_a_ranking_never_lowers_it(documents: list[str], k: int) -> None:
    ranking = [_found(document, 2) for document in documents]
    less, more = quality(GOLDEN, ranking, k), quality(GOLDEN, ranking, k + 1)
    assert all(0 <= value <= 1 for value in less)
    assert more.recall >= less.recall
    assert more.reciprocal_rank >= less.reciprocal_rank


def test_noise_of_one_question_among_many_decides_nothing_and_a_clear_loss_does() -> None:
    before = [1.0] * 30
    noise = [*before[:-1], 0.3]
    assert not worse(before, noise, 0.02) or np.mean(before) - np.mean(noise) > 0.02
    assert not worse(before, [0.99] * 30, 0.02)
    assert worse(before, [0.9] * 30, 0.02)
    assert worse([1, 1, 1], [0, 1, 1], 0.02)
    assert not worse([0.2, 0.4], [0.9, 0.9], 0.02)
    assert not worse([], [], 0.02)
    mixed = [0.0, 1.0] * 15
    assert not worse(mixed, [*mixed[1:], 0.0][:30], 0.02), "as many gained as lost"


def test_a_golden_set_is_read_as_it_was_written() -> None:
    text = '{"question": "Wie viele Tage?", "evidence": [{"document": "a.pdf", "page": 3, "quote": "28"}, {"document": "b"}]}\n\n'
    questions = parse(text)
    assert questions[0].evidence == (EvidencePlace("a.pdf", 3, "28"), EvidencePlace("b"))
    assert parse(dump(questions)) == questions


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no question"),
        ("\n\n", "no question"),
        ("nonsense", "Line 1"),
        ("[]", "Line 1: expected a JSON object"),
        ('{"question": "Q", "evidence": []}', "`evidence`"),
        ('{"question": "", "evidence": [{"document": "a"}]}', "`question`"),
        ('{"question": "Q", "evidence": [{"document": "a", "page": 0}]}', "`page`"),
        ('{"question": "Q", "evidence": [{"document": "a", "page": true}]}', "`page`"),
        ('{"question": "Q", "evidence": [{"file": "a"}]}', "'file'"),
        ('{"question": "Q", "evidence": [3]}', "expected a JSON object"),
        ('{"question": "Q", "evidence": [{"document": "a"}]}\n{"question": 1}', "Line 2"),
        ("[" * 100_000, "Line 1"),
        ('{"question": "Q", "evidence": [{"document": "a"}]}\n' * 1_001, "1,000"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(text: str, told: str) -> None:
    with pytest.raises(InvalidGoldenSet, match=told):
        parse(text)
