"""A search is answered again by the same passages, while nothing that the asker may read has changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.adapters.sqlite_cache import SqliteCache
from app.services.caching.retrieval import CachedRetrieval
from app.services.kept import Kept, limits
from pipelines.domain.errors import CollectionNotFound
from pipelines.domain.filters import Filters
from tests.contract.samples import ANNA, BEN, at, document
from tests.unit.query.conftest import Library

QUERY = "days of leave"


@pytest.fixture
def cached(library: Library, tmp_path: Path) -> Iterator[CachedRetrieval]:
    bounds = limits(10_000_000)
    cache = SqliteCache(tmp_path / "caches.sqlite3", bounds)
    kept = Kept(cache, library.catalog, bounds, rest_s=0)
    yield CachedRetrieval(library.retrieval, kept, library.catalog, "program", ttl_s=60)
    cache.close()


async def test_the_same_passages_come_again_without_a_search(library: Library, cached: CachedRetrieval) -> None:
    await library.add(document("doc_a"), ["Leave is 28 days.", "Mail is not forwarded."])
    first = await cached.search(BEN, "papers", QUERY)
    library.vectors.dead = True
    again = await cached.search(BEN, "papers", QUERY)
    assert (first.cache, again.cache) == ("none", "retrieval")
    assert replace(again, cache="none", timings_ms={}) == replace(first, timings_ms={})
    assert (await cached.search(BEN, "papers", QUERY, 1)).degraded == ("vectors",), "another number is another search"
    library.vectors.dead = False
    assert (await cached.search(BEN, "papers", QUERY, 1)).cache == "none", "what was degraded is not kept"
    with pytest.raises(CollectionNotFound):
        await cached.search(BEN, "nothing", QUERY)


async def test_nobody_is_given_passages_that_another_may_read(library: Library, cached: CachedRetrieval) -> None:
    await library.add(document("doc_a"), ["Leave is 28 days."])
    await library.add(document("doc_b", readers=frozenset({"group:finance"})), ["Leave of managers is 40 days."])
    assert len((await cached.search(ANNA, "papers", QUERY)).passages) == 2
    found = await cached.search(BEN, "papers", QUERY)
    assert (found.cache, [each.source.document_id for each in found.passages]) == ("none", ["doc_a"])


async def test_a_change_is_searched_anew(library: Library, cached: CachedRetrieval) -> None:
    await library.add(document("doc_a"), ["Leave is 28 days."])
    await cached.search(BEN, "papers", QUERY)
    await library.add(document("doc_b"), ["Leave is 30 days from March."])
    found = await cached.search(BEN, "papers", QUERY)
    assert (found.cache, len(found.passages)) == ("none", 2)
    with library.catalog.begin() as uow:
        uow.documents.tombstone("doc_a", at(9))
    found = await cached.search(BEN, "papers", QUERY)
    assert (found.cache, [each.source.document_id for each in found.passages]) == ("none", ["doc_b"])


async def test_other_filters_are_another_search(library: Library, cached: CachedRetrieval) -> None:
    for name in ("doc_a", "doc_b"):
        await library.add(document(name), [f"Leave is 28 days, says {name}."])
    for name in ("doc_a", "doc_b"):
        found = await cached.search(BEN, "papers", QUERY, filters=Filters(document_ids=frozenset({name})))
        assert (found.cache, [each.source.document_id for each in found.passages]) == ("none", [name])
    assert (
        await cached.search(BEN, "papers", QUERY, filters=Filters(document_ids=frozenset({"doc_b"})))
    ).cache != "none"
