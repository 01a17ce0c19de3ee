"""The promises of KeywordIndex (pipelines/ports.py): what a person types is found as words, and is never a syntax."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.adapters.sql import SqlCatalog, SqlKeywordIndex
from pipelines.domain.documents import Generation
from pipelines.domain.errors import IndexUnavailable
from pipelines.domain.views import Selection
from tests.contract.samples import CHUNKER, chunks, version

HERE, THERE = "col_here", "col_there"


def _build(collection_id: str, chunker: str = CHUNKER) -> Generation:
    return Generation(f"gen_of_{collection_id}", collection_id, "all-MiniLM-L6-v2", 384, chunker)


BUILD, OTHER = _build(HERE), _build(THERE)
OF = version("doc_1", "one")


class Written(dict[str, str]):
    """Texts by the ids of their chunks."""

    async def found(self, keywords: SqlKeywordIndex, question: str, limit: int = 10) -> list[str]:
        return [self[hit.chunk_id] for hit in await keywords.query(BUILD, question, limit)]


async def _write(keywords: SqlKeywordIndex, *texts: str) -> Written:
    rows = chunks(OF, texts)
    await keywords.upsert(HERE, rows)
    return Written({row.id: row.text for row in rows})


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("The contracts were terminated.", "termination of a contract?"),
        ("Kündigung im Café Élan", "kundigung cafe"),
        ("Kündigung", "Ku\u0308ndigung"),  # as macOS types it
        ("The fee is 12.5% of EUR 1,200.", "12.5%"),
        ("COVID-19 rules", "what about covid 19?"),
        ("COVID-19 rules", "19"),
        ("See ISO-9001 and form W-8BEN.", "iso-9001"),
        ("Due on 2024-05-06.", "2024-05-06"),
        ("Write to claims@example.org", "claims@example.org"),
        ("Call foo_bar() first", "foo_bar"),
        ("https://example.org/terms/refunds", "refunds"),
        ("Статья 4. Расторжение", "расторжение"),
    ],
)
async def test_words_are_found_however_they_are_written(keywords: SqlKeywordIndex, text: str, question: str) -> None:
    written = await _write(keywords, text, "Nothing of the kind.")
    assert await written.found(keywords, question) == [text]


async def test_the_words_of_the_headings_above_count(keywords: SqlKeywordIndex) -> None:
    (row,) = chunks(OF, ["Thirty days."], headings=("Terms", "Cancellation"))
    await keywords.upsert(HERE, [row])
    assert [hit.chunk_id for hit in await keywords.query(BUILD, "how do I cancel", 5)] == [row.id]


async def test_rare_words_and_more_of_the_words_count_more(keywords: SqlKeywordIndex) -> None:
    common = [f"The invoice of month {number} is an invoice for an invoice." for number in range(20)]
    written = await _write(keywords, *common, "The invoice names a demurrage clause.", "Demurrage is agreed.")
    best = await written.found(keywords, "Which invoice has the demurrage clause?", 3)
    assert best[:2] == ["The invoice names a demurrage clause.", "Demurrage is agreed."]
    hits = await keywords.query(BUILD, "Which invoice has the demurrage clause?", 30)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert hits[0].score > hits[-1].score
    assert len(hits) == 22


async def test_words_that_every_passage_has_do_not_find_it(keywords: SqlKeywordIndex) -> None:
    written = await _write(keywords, "What is it that you have?", "Refunds take a week.")
    assert await written.found(keywords, "What is the time that you have for refunds?") == ["Refunds take a week."]
    assert await written.found(keywords, "zebra") == []


async def test_only_the_collection_that_was_asked_answers(keywords: SqlKeywordIndex) -> None:
    mine, theirs = chunks(OF, ["refunds"]), chunks(version("doc_2", "two"), ["refunds"])
    await keywords.upsert(HERE, mine)
    await keywords.upsert(THERE, theirs)
    assert [hit.chunk_id for hit in await keywords.query(BUILD, "refunds", 9)] == [mine[0].id]
    assert await keywords.query(_build("col_none"), "refunds", 9) == []


async def test_writing_twice_is_writing_once(keywords: SqlKeywordIndex) -> None:
    rows = chunks(OF, [f"refund number {number}" for number in range(70)])
    await keywords.upsert(HERE, rows)
    await keywords.upsert(HERE, rows[::-1])
    await keywords.upsert(HERE, [])
    assert await keywords.chunk_ids(OF.id) == {row.id for row in rows}
    assert len(await keywords.query(BUILD, "refund", 100)) == 70
    assert len(await keywords.query(BUILD, "refund", 7)) == 7


async def test_deleting_a_version_deletes_it_alone(keywords: SqlKeywordIndex) -> None:
    kept = chunks(version("doc_2", "two"), ["refunds are kept"])
    await _write(keywords, "refunds are gone", "gone too")
    await keywords.upsert(HERE, kept)
    for version_id in (OF.id, OF.id, "ver_never", ""):
        await keywords.delete_version(version_id)
    assert await keywords.chunk_ids(OF.id) == set()
    assert [hit.chunk_id for hit in await keywords.query(BUILD, "refunds gone", 9)] == [kept[0].id]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(question=st.text(max_size=60))
@example('"')
@example('" OR text:* NEAR("a" "b", 5) AND NOT ^x')
@example("a' | !b & (c <-> d):* \\")
@example("'; DROP TABLE keyword_rows; --")
@example("%s %(x)s :terms $1 ?")
@example("\x00 \ud800 \u200b")
@example("the")
@example("word " * 5_000)
def test_no_question_is_a_syntax(keywords: SqlKeywordIndex, question: str) -> None:
    async def ask() -> None:
        await keywords.upsert(HERE, chunks(OF, [f"{question} refunds"]))
        (row,) = chunks(OF, [f"{question} refunds"])
        assert row.id in {hit.chunk_id for hit in await keywords.query(BUILD, f"refunds {question}", 1_000)}
        assert await keywords.query(OTHER, question, 5) == []

    asyncio.run(ask())


async def test_questions_are_answered_while_another_document_is_written(keywords: SqlKeywordIndex) -> None:
    await _write(keywords, "refunds")
    batches = [chunks(version(f"doc_{number}", "x"), ["other words"] * 64) for number in range(5)]
    writing = [keywords.upsert(HERE, batch) for batch in batches]
    asking = [keywords.query(BUILD, "refunds", 5) for _ in range(20)]
    answers = (await asyncio.gather(*writing, *asking))[len(writing) :]
    assert all(answer is not None and len(answer) == 1 for answer in answers)


async def test_an_index_that_is_held_up_says_so(catalog: SqlCatalog, database: str) -> None:
    impatient = SqlCatalog(database, busy_timeout_s=0.1)
    impatient.open()
    try:
        with catalog.begin(), pytest.raises(IndexUnavailable):
            await SqlKeywordIndex(impatient).delete_version(OF.id)
        await SqlKeywordIndex(impatient).ping()
    finally:
        impatient.close()


async def test_the_chunks_of_a_build_that_is_coming_crowd_out_none_of_the_one_that_answers(
    keywords: SqlKeywordIndex,
) -> None:
    coming = chunks(OF, [f"Refunds, refunds: part {number}." for number in range(60)], "layout-2")
    (present,) = chunks(version("doc_2", "two"), ["A long text that names refunds only once, among many other words."])
    await keywords.upsert(HERE, coming)
    await keywords.upsert(HERE, [present])
    assert [hit.chunk_id for hit in await keywords.query(BUILD, "refunds", 5)] == [present.id]
    assert len(await keywords.query(_build(HERE, "layout-2"), "refunds", 100)) == 60


async def test_only_the_versions_that_are_named_answer(keywords: SqlKeywordIndex) -> None:
    rows = {name: chunks(version(f"doc_{name}", name), [f"refunds of {name}", "nothing"]) for name in ("a", "b", "c")}
    for name in ("a", "b", "c", "b"):
        await keywords.upsert(HERE, rows[name])
    first, last = rows["a"][0], rows["c"][0]
    hits = await keywords.query(BUILD, "refunds", 9, Selection.of([first.version_id, last.version_id, "ver_none"]))
    assert {hit.chunk_id for hit in hits} == {first.id, last.id}
    assert await keywords.query(BUILD, "refunds", 9, Selection.of([])) == []
    assert await keywords.query(BUILD, "refunds", 9, Selection.of(["ver_none"])) == []


async def test_phrases_are_found_in_their_order_beside_the_words(keywords: SqlKeywordIndex) -> None:
    written = await _write(keywords, "assets of the current total", "Total current assets: 5", "Nothing of the kind.")
    hits = await keywords.query(BUILD, "liquidity", 9, None, ["total current assets", '"unclosed (phrase'])
    assert [written[hit.chunk_id] for hit in hits] == ["Total current assets: 5"]


async def test_words_of_another_collection_change_no_score(keywords: SqlKeywordIndex) -> None:
    await _write(keywords, "refunds take a week", "a week of rain", "other words")
    before = await keywords.query(BUILD, "refunds in a week", 9)
    await keywords.upsert(THERE, chunks(version("doc_2", "two"), ["refunds refunds"] * 50))
    assert await keywords.query(BUILD, "refunds in a week", 9) == before


async def test_common_words_decide_between_those_that_hold_a_rare_one(keywords: SqlKeywordIndex) -> None:
    """More rows hold them than are read for a word."""
    common = chunks(OF, ["the yearly report"] * 2_100)
    rare = chunks(version("doc_2", "two"), ["a demurrage", "a demurrage of the yearly report", "a yearly demurrage"])
    await keywords.upsert(HERE, common)
    await keywords.upsert(HERE, rare)
    hits = await keywords.query(BUILD, "demurrage in the yearly report", 3)
    assert hits[0].chunk_id == rare[1].id
    assert {hit.chunk_id for hit in hits} == {row.id for row in rare}
    assert len(await keywords.query(BUILD, "yearly report", 50)) == 50


async def test_equal_ones_come_in_the_same_order_in_whichever_rows_came(keywords: SqlKeywordIndex) -> None:
    rows = chunks(OF, [f"The porter of house {number} has the keys." for number in range(60)])
    answers = []
    for order in (rows, rows[::-1]):
        await keywords.delete_version(rows[0].version_id)
        for row in order:
            await keywords.upsert(HERE, [row])
        answers.append(await keywords.query(BUILD, "Who has the keys of the porter?", 10))
    assert answers[0] == answers[1]
    assert len(answers[0]) == 10
