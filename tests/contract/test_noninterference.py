"""Within a selection an index answers as if it held nothing else: same rows, same scores, same order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from app.adapters.chroma import ChromaIndex
from app.adapters.nearest import Near, Nearest, blocks, gathered
from app.adapters.sql import SqlCatalog, SqlKeywordIndex
from app.adapters.sql.postings import COMMON
from app.services.warming import Warming
from pipelines.domain.chunks import Chunk
from pipelines.domain.documents import Generation
from pipelines.domain.errors import IndexUnavailable
from pipelines.domain.views import Selection
from pipelines.ports import Vectors
from tests.contract.samples import CHUNKER, at, chunks, collection, document, set_up, version

HERE = Generation("gen_here", "col_here", "all-MiniLM-L6-v2", 384, CHUNKER)
WORDS = ["refund", "invoice", "demurrage", "liability", "tenant", "premium", "clause", "penalty", "notice", "harbour"]


def _texts(seed: int, count: int) -> list[str]:
    """Some words are in every text, some in few."""
    dice = np.random.default_rng(seed)
    return [" ".join(["the yearly report", *dice.choice(WORDS, 3), f"number{dice.integers(90)}"]) for _ in range(count)]


def _of(name: str, seed: int, count: int) -> list[Chunk]:
    return chunks(version(f"doc_{name}", name), _texts(seed, count))


MINE = [_of(f"mine{number}", number, 150) for number in range(9)]
THEIRS = [_of(f"theirs{number}", 100 + number, 150) for number in range(9)]
SELECTED = Selection.of(rows[0].version_id for rows in MINE)
QUESTIONS = [
    "refund of a demurrage invoice",
    "the yearly report",
    "yearly report number7",
    "harbour",
    "number3 number4",
    "zebra",
]


async def _asked(keywords: SqlKeywordIndex) -> list[object]:
    return [await keywords.query(HERE, question, 60, SELECTED, ["yearly report"]) for question in QUESTIONS]


async def test_words_that_others_hold_change_no_score(keywords: SqlKeywordIndex) -> None:
    for rows in MINE:
        await keywords.upsert("col_here", rows)
    alone = await _asked(keywords)
    assert sum(len(rows) for rows in MINE) > COMMON, "some words are common among them"
    for rows in THEIRS:
        await keywords.upsert("col_here", rows)
    assert await _asked(keywords) == alone
    everywhere = Selection.of(rows[0].version_id for rows in [*MINE, *THEIRS])
    assert await keywords.query(HERE, QUESTIONS[0], 60, everywhere) != alone[0]


async def test_rows_between_those_of_others_are_found_as_if_they_lay_together(
    keywords: SqlKeywordIndex, catalog: SqlCatalog
) -> None:
    """Runs of one row each, and words that thousands of others hold."""
    for rows in MINE:
        await keywords.upsert("col_here", rows)
    alone = await _asked(keywords)
    await keywords.delete([row.id for rows in MINE for row in rows])
    for mine, theirs in zip(MINE, THEIRS, strict=True):
        for own, other in zip(mine, theirs, strict=True):
            await keywords.upsert("col_here", [other, own])
    assert await _asked(keywords) == alone


async def test_rows_that_are_mended_or_go_are_noticed(keywords: SqlKeywordIndex, catalog: SqlCatalog) -> None:
    where = collection()
    set_up(catalog, where)
    of = document("doc_1")
    rows = chunks(of.latest, ["refunds of one", "refunds of two", "refunds of three"])
    with catalog.begin() as uow:
        uow.documents.add(of)
        uow.chunks.replace(of.latest.id, CHUNKER, rows)
        uow.documents.activate(of.latest.id, at(1))
    selection, build = Selection.of([of.latest.id]), where.active_generation
    await keywords.upsert(where.id, rows[:1])

    async def found() -> set[str]:
        return {hit.chunk_id for hit in await keywords.query(build, "refunds", 9, selection)}

    assert await found() == {rows[0].id}
    await keywords.upsert(where.id, rows[1:])
    assert await found() == {row.id for row in rows}
    await keywords.delete([rows[0].id])
    await keywords.upsert(where.id, _of("another", 3, 5))
    assert await found() == {row.id for row in rows[1:]}


# --- vectors ---


def _vectors(seed: int, count: int) -> Vectors:
    return np.random.default_rng(seed).normal(size=(count, 384)).astype(np.float32)


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[ChromaIndex]:
    index = ChromaIndex(path=tmp_path / "chroma")
    yield index
    await index.close()


async def test_vectors_of_others_change_no_hit(index: ChromaIndex) -> None:
    questions = _vectors(50, 20)
    for number, rows in enumerate(MINE):
        await index.upsert(HERE, rows, _vectors(number, len(rows)))
    alone = [await index.query(HERE, question, 100, SELECTED) for question in questions]
    for rows in THEIRS:  # nearer to the questions than any of mine
        near = np.repeat(questions, 8, axis=0)[: len(rows)]
        await index.upsert(HERE, rows, near + 0.1 * _vectors(60, len(rows)))
    assert [await index.query(HERE, question, 100, SELECTED) for question in questions] == alone
    assert all(len(hits) == 100 for hits in alone)


async def test_what_is_in_memory_follows_the_index(index: ChromaIndex) -> None:
    vectors = _vectors(1, 30)
    rows = MINE[0][:30]
    selection = Selection.of([rows[0].version_id])

    async def best() -> list[str]:
        return [hit.chunk_id for hit in await index.query(HERE, vectors[3], 1, selection)]

    assert await best() == []
    await index.upsert(HERE, rows, vectors)
    assert await best() == [rows[3].id]
    await index.upsert(HERE, rows, vectors[::-1])
    assert await best() == [rows[26].id]
    await index.delete_version(HERE, rows[0].version_id)
    assert await best() == []
    await index.upsert(HERE, rows, vectors)
    assert await best() == [rows[3].id]
    await index.drop(HERE)
    assert await best() == []


async def test_what_is_in_memory_is_found_while_chroma_is_gone(
    index: ChromaIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, selection = _vectors(1, 150), Selection.of([MINE[0][0].version_id])
    await index.upsert(HERE, MINE[0], vectors)
    known = await index.query(HERE, vectors[3], 5, selection)

    def gone() -> None:
        raise OSError

    monkeypatch.setattr(index, "_opened", gone)
    assert await index.query(HERE, vectors[3], 5, selection) == known
    with pytest.raises(IndexUnavailable):
        await index.query(HERE, vectors[3], 5, Selection.of([MINE[1][0].version_id]))
    monkeypatch.undo()


@pytest.mark.parametrize("limit_s", [0.01, 30])
async def test_who_cannot_wait_for_the_first_reading_finds_it_done(index: ChromaIndex, limit_s: float) -> None:
    vectors, selection = _vectors(1, 150), Selection.of([MINE[0][0].version_id])
    await index.upsert(HERE, MINE[0], vectors)
    with suppress(TimeoutError):
        async with asyncio.timeout(limit_s):
            await index.query(HERE, vectors[3], 5, selection)
    hits = await asyncio.gather(*(index.query(HERE, vectors[3], 5, selection) for _ in range(9)))
    assert all(each == hits[0] and len(each) == 5 for each in hits)


async def test_a_selection_without_room_is_asked_of_the_graph(tmp_path: Path) -> None:
    small = ChromaIndex(path=tmp_path / "chroma", memory_bytes=10_000)
    vectors = _vectors(1, 150)
    await small.upsert(HERE, MINE[0], vectors)
    hits = await small.query(HERE, vectors[3], 5, Selection.of([MINE[0][0].version_id]))
    assert hits[0].chunk_id == MINE[0][3].id
    await small.close()


def _near(parts: Sequence[Vectors]) -> Near:
    stored = {f"ver_{n}": ([f"{n}-{row}" for row in range(len(part))], part) for n, part in enumerate(parts)}
    each = [blocks({version_id: one}) for version_id, one in stored.items()]
    return Near(stored, gathered({id_: block for some in each for id_, block in some.items()}))


def test_signs_propose_what_cosines_would_choose() -> None:
    """Of 20,000 vectors in clusters, as texts lie, nearly all of the hundred nearest are among the thousand proposed."""
    dice = np.random.default_rng(1)
    centres = dice.normal(size=(100, 384))
    vectors = (centres[dice.integers(0, 100, 20_000)] + 1.5 * dice.normal(size=(20_000, 384))).astype(np.float32)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    near, found = _near(np.split(vectors, 200)), []
    for question in (centres[:20] + 1.5 * dice.normal(size=(20, 384))).astype(np.float32):
        exact = np.argsort(-(unit @ question))[:100]
        expected = {f"{row // 100}-{row % 100}" for row in exact}
        found.append(len(expected & {hit.chunk_id for hit in near.best(question, 100)}))
    assert np.mean(found) >= 97


def test_equal_vectors_come_in_the_order_of_the_selection() -> None:
    one = _vectors(1, 1)
    near = _near([np.repeat(one, 700, axis=0), np.repeat(one, 700, axis=0)])
    assert [hit.chunk_id for hit in near.best(one[0], 701)] == [*(f"0-{row}" for row in range(700)), "1-0"]


def test_selections_share_what_they_have_in_common_and_the_oldest_goes() -> None:
    read: list[str] = []

    def stored(version_ids: Sequence[str]) -> list[dict[str, tuple[list[str], Vectors]]]:
        read.extend(version_ids)
        return [{id_: ([f"{id_}-0"], _vectors(len(id_), 1))} for id_ in version_ids]

    size = blocks({"a": (["a"], _vectors(1, 1))})["a"].size_bytes
    nearest = Nearest(3 * size)
    first, second, third = Selection.of(["a"]), Selection.of(["a", "bb"]), Selection.of(["ccc"])
    for selection in (first, second, third):
        nearest.load("gen", selection, stored)
    assert read == ["a", "bb", "ccc"]
    assert nearest.get("gen", first) is None, "each selection has signs of its own beside the vectors"
    assert nearest.get("gen", third) is not None
    nearest.forget("gen", ["bb"])
    assert nearest.get("gen", second) is None
    assert nearest.get("gen", third) is not None
    assert nearest.get("another", third) is None


async def test_a_start_brings_into_memory_what_answers(
    index: ChromaIndex, catalog: SqlCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, of = collection(), document("doc_1")
    set_up(catalog, where)
    rows = chunks(of.latest, [f"passage {number}" for number in range(20)])
    with catalog.begin() as uow:
        uow.documents.add(of)
        uow.chunks.replace(of.latest.id, CHUNKER, rows)
        uow.documents.activate(of.latest.id, at(1))
    await index.upsert(where.active_generation, rows, _vectors(1, 20))
    await Warming(catalog, index).run()

    def read(*_: object) -> None:
        raise AssertionError("it is read again")

    monkeypatch.setattr(index, "_stored", read)
    hits = await index.query(where.active_generation, _vectors(1, 20)[7], 1, Selection.of([of.latest.id]))
    assert hits[0].chunk_id == rows[7].id
