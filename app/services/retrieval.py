"""From a question to passages that the asker may read, all of one moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field

from app.services.timings import Timings
from pipelines.domain.access import Principal
from pipelines.domain.answers import CatalogedChunk, Passage
from pipelines.domain.documents import Collection
from pipelines.domain.errors import CollectionNotFound, DependencyUnavailable, IndexUnavailable
from pipelines.ports import Catalog, Embedders, Hit, KeywordIndex, VectorIndex
from pipelines.query.fuse import fuse
from pipelines.query.terms import identifiers

_INDEXES = {"dense": "vectors", "keyword": "keywords"}  # by the ranking that shows it is there
_CANDIDATES = 50  # of each index, at first
_MOST_CANDIDATES = 3_200
_MOST_REPEATS = 3  # while documents are replaced under the question


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Passages, best first. `degraded` names the index that did not answer ("vectors", "keywords")."""

    passages: tuple[Passage, ...]
    degraded: tuple[str, ...]
    timings_ms: Mapping[str, float] = field(default_factory=dict)


class Retrieval:
    """Dense and keyword search together; the catalog decides what may be seen (the indexes only propose)."""

    def __init__(
        self,
        catalog: Catalog,
        embedders: Embedders,
        vectors: VectorIndex,
        keywords: KeywordIndex,
        *,
        index_timeout_s: float = 20,
    ) -> None:
        self._catalog = catalog
        self._embedders = embedders
        self._vectors = vectors
        self._keywords = keywords
        self._index_timeout_s = index_timeout_s

    async def search(self, principal: Principal, collection: str, query: str, top_k: int = 8) -> Retrieved:
        """Raises CollectionNotFound; IndexUnavailable when neither index answers."""
        limit, repeats, timings = max(_CANDIDATES, 4 * top_k), 0, Timings()
        while True:
            found = await asyncio.to_thread(self._collection, principal, collection)
            rankings = await self._rank(found, query, limit, timings)
            ranked = fuse({name: hits for name, hits in rankings.items() if hits is not None})
            with timings.measure("check"):
                ids = [chunk_id for chunk_id, _ in ranked]
                present, visible = await asyncio.to_thread(self._check, principal, found.id, ids)
            passages = [Passage(visible[id_], scores.fused or 0.0, scores) for id_, scores in ranked if id_ in visible]
            full = any(hits is not None and len(hits) >= limit for hits in rankings.values())
            if len(passages) < top_k and full and limit < _MOST_CANDIDATES:
                limit *= 4  # crowded out by what this person may not see
            elif repeats < _MOST_REPEATS and _outrun(found, present, all_seen=len(visible) == len(ids)):
                repeats += 1
            else:
                break
        timings.mark("retrieve")
        degraded = tuple(index for name, index in _INDEXES.items() if rankings[name] is None)
        return Retrieved(tuple(passages[:top_k]), degraded, timings)

    async def _rank(
        self, collection: Collection, query: str, limit: int, timings: Timings
    ) -> dict[str, list[Hit] | None]:
        """By name of the ranking; None for one whose index does not answer."""
        named = " ".join(identifiers(query))
        dense, keyword, exact = await asyncio.gather(
            self._hits(self._dense(collection, query, limit), "dense", timings),
            self._hits(self._keywords.query(collection.id, query, limit), "keyword", timings),
            self._hits(self._keywords.query(collection.id, named, limit), "exact", timings),
        )
        if dense is None and keyword is None:
            raise IndexUnavailable("Neither the vector index nor the keyword index answers.")
        return {"dense": dense, "keyword": keyword, "exact": exact}

    async def _hits(self, query: Awaitable[list[Hit]], name: str, timings: Timings) -> list[Hit] | None:
        try:
            with timings.measure(name):
                async with asyncio.timeout(self._index_timeout_s):
                    return await query
        except (DependencyUnavailable, TimeoutError):
            return None

    async def _dense(self, collection: Collection, query: str, limit: int) -> list[Hit]:
        generation = collection.active_generation
        vector = await self._embedders.of(generation.embedding_model).embed_query(query)
        return await self._vectors.query(generation, vector, limit)

    def _collection(self, principal: Principal, name: str) -> Collection:
        with self._catalog.read() as uow:
            found = uow.collections.by_name(principal.tenant_id, name)
        if found is None:
            raise CollectionNotFound(f"There is no collection {name!r}.")
        return found

    def _check(
        self, principal: Principal, collection_id: str, ids: Sequence[str]
    ) -> tuple[Collection | None, dict[str, CatalogedChunk]]:
        """What of the proposals may be seen, in one snapshot, and the collection in it."""
        with self._catalog.read() as uow:
            collection = uow.collections.by_id(collection_id)
            return collection, uow.chunks.visible(principal, collection_id, ids)


def _outrun(found: Collection, present: Collection | None, *, all_seen: bool) -> bool:
    """Whether a change went by under the search, so that what answers now may not have been proposed."""
    if present is None or present.active_generation != found.active_generation:
        return True
    return present.revision != found.revision and not all_seen
