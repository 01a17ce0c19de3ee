"""One question to several collections."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.services import several
from app.services.ask import Ask, Question, whole
from app.services.retrieval import Retrieved
from pipelines.domain.answers import Passage
from pipelines.domain.errors import CollectionNotFound
from pipelines.domain.manifests import DriftCause
from pipelines.query.merge import merge
from pipelines.query.replay import compare
from tests.contract.samples import BEN, EVE, collection, document, set_up
from tests.fakes.embedders import OneEmbedder
from tests.fakes.passages import passage
from tests.unit.query.conftest import Library

LEAVE = "Employees get 28 days of paid leave each year."
PARENTS = "Parents get 40 days of paid leave for a new child."
QUESTION = "How many days of paid leave do employees get each year?"
ARCHIVE = collection(name="archive")


@pytest.fixture
async def shelves(library: Library) -> Library:
    set_up(library.catalog, ARCHIVE)
    await library.add(document("doc_a"), [LEAVE, "Domes are closed when ash falls."])
    await library.add(document("doc_b", where=ARCHIVE), [PARENTS, "Lasers need a spotter."], ARCHIVE)
    return library


async def _search(library: Library, *names: str, top_k: int = 8) -> Retrieved:
    return await several.search(library.retrieval, BEN, names, QUESTION, top_k)


def _texts(found: Retrieved) -> list[str]:
    return [each.source.chunk.text for each in found.passages]


async def test_the_best_of_all_come_first(shelves: Library) -> None:
    assert _texts(await _search(shelves, "papers", "archive"))[:2] == [LEAVE, PARENTS]
    assert _texts(await _search(shelves, "archive", "papers"))[0] == LEAVE  # whichever is named first
    assert _texts(await _search(shelves, "papers", "archive", top_k=1)) == [LEAVE]


async def test_one_is_as_it_is_alone_and_a_name_said_twice_counts_once(shelves: Library) -> None:
    alone = await shelves.retrieval.search(BEN, "papers", QUESTION)
    assert _texts(await _search(shelves, "papers", "papers")) == _texts(alone)
    assert (await _search(shelves, "papers")).also == ()


async def test_none_is_searched_when_one_is_not_there_for_the_asker(shelves: Library) -> None:
    with pytest.raises(CollectionNotFound, match="secrets"):
        await _search(shelves, "papers", "secrets")
    with pytest.raises(CollectionNotFound):
        await several.search(shelves.retrieval, EVE, ("papers", "archive"), QUESTION)


async def test_what_the_asker_may_not_read_stays_unseen_in_each(shelves: Library) -> None:
    secret = document("doc_s", where=ARCHIVE, readers=frozenset({"group:finance"}))
    await shelves.add(secret, ["Managers get 60 days of paid leave each year."], ARCHIVE)
    assert "Managers" not in " ".join(_texts(await _search(shelves, "papers", "archive")))


async def test_an_answer_rests_on_all_and_its_replay_searches_all(shelves: Library) -> None:
    ask = Ask(shelves.retrieval, OneEmbedder(shelves.embedder), None, shelves.pages)
    question = Question("How many days of paid leave do parents get for a new child?", "papers", also=("archive",))
    answer = await whole(ask.stream(BEN, question))
    assert "40 days" in answer.text
    then = answer.manifest
    assert then is not None
    assert [each.name for each in then.also] == ["archive"]
    assert compare(then, await ask.manifest(BEN, question), {}).same
    await shelves.add(document("doc_n", where=ARCHIVE), ["Parents of twins get 50 days of paid leave."], ARCHIVE)
    grown = compare(then, await ask.manifest(BEN, question), {})
    assert [drift.cause for drift in grown.drift] == [DriftCause.COLLECTION_CHANGED]


def _scored(text: str, score: float, dense: float | None) -> Passage:
    found = passage(text, chunk_id=text, dense=dense)
    return replace(found, score=score)


def test_the_best_of_a_collection_about_something_else_does_not_come_first() -> None:
    near, far = [_scored("near", 0.5, 0.8), _scored("next", 0.4, 0.6)], [_scored("far", 0.5, 0.2)]
    order = [each.source.chunk.text for each in merge([("m", far), ("m", near)], 8)]
    assert order == ["near", "next", "far"]


def test_cosines_of_two_models_are_not_compared() -> None:
    one, other = [_scored("one", 0.5, 0.8)], [_scored("other", 0.6, 0.3)]
    assert [each.source.chunk.text for each in merge([("m", one), ("n", other)], 8)] == ["other", "one"]


def test_without_vectors_their_scores_stand() -> None:
    one, other = [_scored("one", 0.5, None)], [_scored("other", 0.6, None)]
    assert [each.source.chunk.text for each in merge([("m", one), ("m", other), ("m", [])], 8)] == ["other", "one"]
