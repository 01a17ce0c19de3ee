"""The cached embedder gives what the embedder would, asks for each text once, and forgets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from app.adapters.sql import SqlCatalog
from app.adapters.sqlite_cache import SqliteCache
from app.services.embedding_cache import CachedEmbedder, CachedEmbedders, Memory, made_from
from app.services.kept import Kept, limits
from pipelines.domain.errors import ModelUnavailable
from pipelines.ports import TokenCounter, Vectors
from tests.contract.samples import ANNA, at, document, set_up, version
from tests.fakes.embedders import OneEmbedder


class CountingEmbedder:
    """One dimension a letter; says what it was asked for."""

    model, dimensions, max_tokens = "letters", 26, 256

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.dead = False
        self.go = asyncio.Event()
        self.go.set()

    def token_counter(self) -> TokenCounter:
        return lambda texts: [len(text) for text in texts]

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        self.asked += texts
        await self.go.wait()
        if self.dead:
            raise ModelUnavailable
        return np.array([[text.count(chr(97 + letter)) for letter in range(26)] for text in texts], np.float32)

    async def embed_query(self, text: str) -> Vectors:
        return (await self.embed_documents([text]))[0]


async def test_a_text_is_embedded_once_and_the_order_is_the_askers() -> None:
    embedder = CountingEmbedder()
    cached = CachedEmbedder(embedder)
    first = await cached.embed_documents(["ab", "cd", "ab"])
    again = await cached.embed_documents(["cd", "ef", "ab"])
    assert embedder.asked == ["ab", "cd", "ef"]
    wanted = CountingEmbedder()
    np.testing.assert_array_equal(first, await wanted.embed_documents(["ab", "cd", "ab"]))
    np.testing.assert_array_equal(again, await wanted.embed_documents(["cd", "ef", "ab"]))


async def test_the_least_lately_used_go_first() -> None:
    embedder = CountingEmbedder()
    cached = CachedEmbedder(embedder, memory=Memory(2))
    for text in ("a", "b", "a", "c", "a", "b"):
        await cached.embed_documents([text])
    assert embedder.asked == ["a", "b", "c", "b"]


async def test_a_failure_is_not_remembered() -> None:
    embedder = CountingEmbedder()
    cached = CachedEmbedder(embedder)
    embedder.dead = True
    with pytest.raises(ModelUnavailable):
        await cached.embed_documents(["a"])
    embedder.dead = False
    assert (await cached.embed_documents(["a"]))[0, 0] == 1


async def test_what_is_forgotten_while_it_is_made_does_not_come_back() -> None:
    embedder = CountingEmbedder()
    cached = CachedEmbedders(OneEmbedder(embedder))
    await cached.default.embed_documents(["a"])
    embedder.go.clear()
    making = asyncio.create_task(cached.default.embed_documents(["b"]))
    await asyncio.sleep(0)
    assert await cached.forget(["ver_1"]) == 1, "whose text it is is not known"
    embedder.go.set()
    await making
    await cached.default.embed_documents(["a", "b"])
    assert embedder.asked == ["a", "b", "a", "b"]


async def test_a_text_that_is_asked_for_twice_at_once_is_embedded_once() -> None:
    embedder = CountingEmbedder()
    cached = CachedEmbedder(embedder)
    embedder.go.clear()
    tasks = [asyncio.create_task(cached.embed_documents(texts)) for texts in (["a", "b"], ["b", "c"], ["c", "a"])]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.sleep(0)
    embedder.go.set()
    first, left, last = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(left, asyncio.CancelledError)
    assert sorted(embedder.asked) == ["a", "b", "c", "c"], "who left may have been making one that another waited for"
    wanted = CountingEmbedder()
    np.testing.assert_array_equal(first, await wanted.embed_documents(["a", "b"]))
    np.testing.assert_array_equal(last, await wanted.embed_documents(["c", "a"]))


async def test_who_waits_for_one_that_fails_makes_it_himself() -> None:
    embedder = CountingEmbedder()
    cached = CachedEmbedder(embedder)
    embedder.go.clear()
    embedder.dead = True
    failing = asyncio.create_task(cached.embed_documents(["a"]))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(cached.embed_documents(["a"]))
    await asyncio.sleep(0)
    embedder.go.set()
    with pytest.raises(ModelUnavailable):
        await failing
    embedder.dead = False
    assert (await waiting)[0, 0] == 1


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    catalog = SqlCatalog(f"sqlite:///{tmp_path / 'catalog.sqlite3'}")
    catalog.open()
    set_up(catalog)
    with catalog.begin() as uow:
        uow.documents.add(document("doc_a"))
        uow.documents.add(document("doc_b"))
    bounds = limits(10_000_000)
    cache = SqliteCache(tmp_path / "caches.sqlite3", bounds)
    yield Kept(cache, catalog, bounds)
    cache.close()
    catalog.close()


A, B = version("doc_a", "doc_a").id, version("doc_b", "doc_b").id


async def test_another_process_needs_not_embed_again_what_is_told_to_be_of_a_version(kept: Kept) -> None:
    embedder = CountingEmbedder()
    here, there = (CachedEmbedders(OneEmbedder(embedder), kept) for _ in range(2))
    mine = await made_from(here.default, [A]).embed_documents(["ab", "cd"])
    asked = await here.default.embed_query("question")
    await here.default.embed_documents(["nobody's"])
    np.testing.assert_array_equal(await made_from(there.default, [A]).embed_documents(["ab", "cd"]), mine)
    np.testing.assert_array_equal(await there.default.embed_query("question"), asked)
    assert embedder.asked == ["ab", "cd", "question", "nobody's"]
    await there.default.embed_documents(["nobody's", "question"])
    assert embedder.asked[4:] == ["nobody's", "question"], (
        "a text is not a question, and what is nobody's is not shared"
    )


async def test_a_version_that_goes_takes_its_vectors_along_everywhere(kept: Kept) -> None:
    embedder = CountingEmbedder()
    cached = CachedEmbedders(OneEmbedder(embedder), kept)
    await made_from(cached.default, [A]).embed_documents(["ab"])
    await made_from(cached.default, [B]).embed_documents(["cd"])
    await cached.forget([A])
    await kept.forget([A])
    await made_from(cached.default, [A, B]).embed_documents(["ab", "cd"])
    assert embedder.asked == ["ab", "cd", "ab"]


async def test_vectors_of_a_deleted_document_are_not_kept(kept: Kept) -> None:
    with kept._catalog.begin() as uow:
        uow.documents.tombstone("doc_a", at(5))
    cached = CachedEmbedders(OneEmbedder(CountingEmbedder()), kept)
    await made_from(cached.default, [A]).embed_documents(["ab"])
    assert sum(level.entries for level in kept.levels(ANNA)) == 0


def test_an_embedder_that_does_not_remember_is_what_it_is() -> None:
    embedder = CountingEmbedder()
    assert made_from(embedder, [A]) is embedder
