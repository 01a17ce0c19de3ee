"""The answer without a language model: which words of the passages are quoted."""

from __future__ import annotations

from pipelines.query.asked import Asked
from pipelines.query.evidence import pieces
from pipelines.query.extract import best, candidates
from pipelines.query.glossary import Glossary
from tests.fakes.passages import passage

GLOSSARY = Glossary.parse(
    "capex: capital expenditures; purchases of property and equipment\nquick ratio: current assets"
)
STATEMENT = passage(
    "| (Millions) | 2022 | 2021 |\n"
    "| --- | --- | --- |\n"
    "| Depreciation of property | 310 | 290 |\n"
    "| Purchases of property and equipment | (1,749) | (1,603) |\n"
    "| Acquisitions, net of cash acquired | (20) | (40) |",
    headings=("Statement of Cash Flows",),
)
OLD = passage(
    "| (Millions) | 2012 |\n| --- | --- |\n| Purchases of property and equipment | (977) |",
    chunk_id="chk_old",
    start=900,
)


def _quotes(question: str, *passages: object) -> list[str]:
    asked = Asked.of(question, GLOSSARY)
    found = candidates(asked, pieces(passages))  # type: ignore[arg-type]
    return [piece.text for piece in best(asked, found, None, None)]


def test_a_row_is_quoted_by_what_documents_call_what_is_asked_for() -> None:
    found = _quotes("How much was the capex of the company in 2022?", STATEMENT)
    assert found == ["Purchases of property and equipment: 2022 (1,749); 2021 (1,603)."]  # it shares no word


def test_of_two_years_the_one_that_is_asked_for_is_quoted() -> None:
    question = "What was the capex on property and equipment in {}?"
    assert _quotes(question.format(2012), STATEMENT, OLD)[-1] == "Purchases of property and equipment: 2012 (977)."
    assert "(1,749)" in _quotes(question.format(2022), OLD, STATEMENT)[-1]


def test_nothing_that_shares_no_word_is_quoted() -> None:
    assert _quotes("Which penguins moult in autumn?", STATEMENT, OLD) == []


def test_of_very_many_pieces_those_with_the_words_that_documents_write_are_looked_at() -> None:
    noise = passage(
        "\n\n".join(f"The company of number {n} had a meeting about capex." for n in range(200)), start=5_000
    )
    asked = Asked.of("What was the capex of the company?", GLOSSARY)
    assert any("1,749" in piece.text for piece in candidates(asked, pieces([noise, STATEMENT])))
