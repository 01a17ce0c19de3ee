"""What a search shows, and never shows, on the real catalog and keyword index."""

from __future__ import annotations

import pytest

from app.services.retrieval import Retrieval
from pipelines.domain.errors import CollectionNotFound, IndexUnavailable
from tests.contract.samples import ANNA, BEN, CHUNKER, EVE, at, chunks, collection, document, ready, set_up, version
from tests.fakes.embedders import OneEmbedder
from tests.unit.query.conftest import Library

LEAVE = "Employees get 28 days of paid leave each year."
QUESTION = "How many days of leave do employees get?"


async def _texts(library: Library, question: str = QUESTION, **more: int) -> list[str]:
    found = await library.retrieval.search(BEN, "papers", question, **more)
    return [passage.source.chunk.text for passage in found.passages]


async def test_the_passage_that_answers_comes_first(library: Library) -> None:
    await library.add(document("doc_a"), ["Domes are closed when ash falls.", LEAVE, "Lasers need a spotter."])
    found = await library.retrieval.search(BEN, "papers", QUESTION)
    assert found.passages[0].source.chunk.text == LEAVE
    assert found.degraded == ()
    assert {"dense", "keyword", "check", "retrieve"} <= set(found.timings_ms)


async def test_an_identifier_finds_the_passage_that_holds_it(library: Library) -> None:
    others = [f"The invoice INV{number} was paid in March by the front office." for number in range(3000, 3030)]
    await library.add(document("doc_a"), [*others, "Ticket INV2041 is about a lamp."])
    assert (await _texts(library, "Which invoice was paid in March, INV2041?"))[0] == "Ticket INV2041 is about a lamp."


async def test_a_collection_of_another_tenant_does_not_exist(library: Library) -> None:
    with pytest.raises(CollectionNotFound):
        await library.retrieval.search(EVE, "papers", QUESTION)


async def test_a_chunk_of_another_tenant_in_the_index_is_never_shown(library: Library) -> None:
    """An index may be wrong in any way: it only proposes."""
    rivals = collection("rival", "papers")
    set_up(library.catalog, rivals)
    with library.catalog.begin() as uow:
        secret = ready(uow, document("doc_r", where=rivals), ["The rival gives 40 days of paid leave each year."])
    await library.index(secret)  # as if it were of this collection
    await library.add(document("doc_a"), [LEAVE])
    assert await _texts(library) == [LEAVE]


async def test_what_only_others_may_read_is_not_shown(library: Library) -> None:
    await library.add(document("doc_a", readers=frozenset({"group:finance"})), ["Managers get 40 days of leave."])
    await library.add(document("doc_b"), [LEAVE])
    assert await _texts(library) == [LEAVE]
    found = await library.retrieval.search(ANNA, "papers", QUESTION)
    assert len(found.passages) == 2


async def test_what_may_not_be_read_does_not_crowd_out_what_may(library: Library) -> None:
    hidden = [f"Employees of group {number} get {number} days of leave each year." for number in range(300)]
    await library.add(document("doc_a", readers=frozenset({"group:finance"})), hidden)
    await library.add(document("doc_b"), ["Leave is asked for in writing."])
    assert await _texts(library) == ["Leave is asked for in writing."]
    assert library.vectors.limits[0] < library.vectors.limits[-1]


async def test_without_vectors_words_find_it(library: Library) -> None:
    await library.add(document("doc_a"), [LEAVE])
    library.vectors.dead = True
    found = await library.retrieval.search(BEN, "papers", QUESTION)
    assert found.degraded == ("vectors",)
    assert [passage.source.chunk.text for passage in found.passages] == [LEAVE]


async def test_an_index_that_hangs_is_given_up(library: Library) -> None:
    await library.add(document("doc_a"), [LEAVE])
    library.vectors.hangs = True
    embedders = OneEmbedder(library.embedder)
    hasty = Retrieval(library.catalog, embedders, library.vectors, library.keywords, index_timeout_s=1)
    assert (await hasty.search(BEN, "papers", QUESTION)).degraded == ("vectors",)


async def test_without_any_index_the_search_fails(library: Library) -> None:
    await library.add(document("doc_a"), [LEAVE])
    with library.catalog.connection() as connection:
        connection.exec_driver_sql("DROP TABLE keyword_text")
    library.vectors.dead = True
    with pytest.raises(IndexUnavailable):
        await library.retrieval.search(BEN, "papers", QUESTION)


@pytest.mark.parametrize("indexed", ["before the switch", "with the switch"])
async def test_a_search_during_a_replacement_sees_one_version(library: Library, indexed: str) -> None:
    await library.add(document("doc_a"), [LEAVE])
    newer = version("doc_a", "newer", 5)
    rows = chunks(newer, ["Employees get 30 days of paid leave each year."])
    if indexed == "before the switch":
        await library.index(rows)

    async def replace() -> None:
        library.vectors.meanwhile = None
        if indexed == "with the switch":
            await library.index(rows)
        with library.catalog.begin() as uow:
            uow.documents.add_version(newer)
            uow.chunks.replace(newer.id, CHUNKER, rows)
            uow.documents.activate(newer.id, at(6))

    library.vectors.meanwhile = replace
    assert await _texts(library) == ["Employees get 30 days of paid leave each year."]


async def test_a_document_deleted_during_the_search_is_not_shown(library: Library) -> None:
    await library.add(document("doc_a"), [LEAVE])

    async def delete() -> None:
        library.vectors.meanwhile = None
        with library.catalog.begin() as uow:
            uow.documents.tombstone("doc_a", at(6))

    library.vectors.meanwhile = delete
    assert await _texts(library) == []
