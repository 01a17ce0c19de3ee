"""What a search shows, and never shows, on the real catalog and keyword index."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from app.services.library import Library as Library_
from app.services.own_words import OwnWords
from app.services.retrieval import Retrieval
from pipelines.domain.answers import Passage
from pipelines.domain.documents import Generation
from pipelines.domain.errors import CollectionNotFound, IndexUnavailable, ModelUnavailable
from pipelines.domain.filters import Filters
from pipelines.ports import Hit, Vectors
from pipelines.query.glossary import built_in
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
    library.vectors.blind = True
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


async def test_a_document_that_the_question_names_comes_before_one_that_says_the_same(library: Library) -> None:
    for name in ("BIRCH_2021", "CEDAR_2021", "CEDAR_2022", "AMBER_2022"):
        await library.add(document(f"doc_{name}", title=name), ["Total revenue was 5 million."])
    found = await library.retrieval.search(BEN, "papers", "What was the revenue of Cedar in FY2022?")
    assert found.passages[0].source.title == "CEDAR_2022"
    assert found.passages[0].score == found.passages[0].scores.rerank


async def test_what_the_question_means_is_found_by_what_documents_write(library: Library) -> None:
    library.vectors.dead = True
    statement = "Total current assets 5,120. Total current liabilities 4,010."
    others = [f"The quick brown fox number {number} jumps." for number in range(20)]
    await library.add(document("doc_a"), [statement, *others])
    assert statement in (await _texts(library, "Is the working capital positive?"))[:1]


async def test_filters_hold_whatever_the_indexes_propose(library: Library) -> None:
    await library.add(document("doc_a"), [LEAVE])
    await library.add(document("doc_b"), ["Employees get 30 days of paid leave each year."])
    only_b = Filters(document_ids=frozenset({"doc_b"}))

    class Careless:
        """Knows no filters."""

        async def query(self, generation: Generation, vector: Vectors, limit: int, *_: object) -> list[Hit]:
            return await library.vectors.query(generation, vector, limit)

    for vectors in (library.vectors, Careless()):
        retrieval = Retrieval(library.catalog, OneEmbedder(library.embedder), vectors, library.keywords)  # type: ignore[arg-type]
        found = await retrieval.search(BEN, "papers", QUESTION, filters=only_b)
        assert [passage.source.document_id for passage in found.passages] == ["doc_b"]


async def test_a_name_that_changed_is_known_at_once(library: Library) -> None:
    for name in ("BIRCH_2021", "CEDAR_2021"):
        await library.add(document(f"doc_{name}", title=name), ["Total revenue was 5 million."])
    question = "What was the revenue of Walnut?"
    await library.retrieval.search(BEN, "papers", question)
    with library.catalog.begin() as uow:
        uow.documents.rename("doc_CEDAR_2021", "walnut.pdf", "WALNUT_2021", {}, at(9))
    found = await library.retrieval.search(BEN, "papers", question)
    assert found.passages[0].source.title == "WALNUT_2021"


async def test_a_reranker_has_the_last_word_and_its_absence_is_told(library: Library) -> None:
    await library.add(document("doc_a"), [LEAVE, "Leave is asked for in writing."])

    class Backwards:
        dead = False

        async def rerank(self, question: str, passages: Sequence[Passage]) -> list[Passage]:
            if self.dead:
                raise ModelUnavailable
            return list(reversed(passages))

    reranker = Backwards()
    embedders = OneEmbedder(library.embedder)
    retrieval = Retrieval(library.catalog, embedders, library.vectors, library.keywords, reranker=reranker)
    plain = await _texts(library)
    assert [each.source.chunk.text for each in (await retrieval.search(BEN, "papers", QUESTION)).passages] == plain[
        ::-1
    ]
    reranker.dead = True
    found = await retrieval.search(BEN, "papers", QUESTION)
    assert found.degraded == ("reranker",)
    assert [each.source.chunk.text for each in found.passages] == plain


async def test_an_abbreviation_is_looked_for_as_the_documents_write_it_out(library: Library) -> None:
    introduced = "We report remaining performance obligations (RPO) once a year."
    amount = "Remaining performance obligations came to 4 million at the end of May."
    noise = [f"The meeting of number {number} was about the garden." for number in range(300)]
    await library.add(document("doc_a"), [introduced, amount, *noise])
    assert set((await _texts(library, "How large was the RPO?"))[:2]) == {introduced, amount}


async def test_what_only_others_write_out_is_not_known(library: Library) -> None:
    secret = "Project kestrel raptor operation (KRO) begins in May."
    await library.add(document("doc_a", readers=frozenset({"group:finance"})), [secret])
    await library.add(document("doc_b"), ["The KRO is on Monday.", "A raptor is a bird of prey."])
    shelf = Library_(library.catalog).shelf(BEN, "papers", Filters())
    own = OwnWords(library.catalog, library.keywords, built_in())
    assert await own.of(BEN, shelf, "When is the KRO?", Filters()) == []
    theirs = Library_(library.catalog).shelf(ANNA, "papers", Filters())
    assert await own.of(ANNA, theirs, "When is the KRO?", Filters()) == ["kestrel raptor operation"]
    assert await own.of(BEN, shelf, "When is the KRO?", Filters()) == []
