"""From a question to passages that the asker may read, all of one moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.domain.access import Principal
from pipelines.domain.answers import CatalogedChunk, Passage
from pipelines.domain.documents import Collection
from pipelines.domain.errors import CollectionNotFound, DependencyUnavailable, IndexUnavailable, ModelUnavailable
from pipelines.ports import Catalog, Embedder, Hit, KeywordIndex, VectorIndex
from pipelines.query.fuse import fuse
from pipelines.query.terms import identifiers

_CANDIDATES = 50  # of each index, at first
_MOST_CANDIDATES = 800
_MOST_TRIES = 3  # while documents are replaced under the question


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Passages, best first. `degraded` names the index that did not answer ("vectors", "keywords")."""

    passages: tuple[Passage, ...]
    degraded: tuple[str, ...]
    timings_ms: dict[str, float] = field(default_factory=dict)


class Retrieval:
    """Dense and keyword search together; the catalog decides what may be seen (the indexes only propose)."""

    def __init__(self, catalog: Catalog, embedder: Embedder, vectors: VectorIndex, keywords: KeywordIndex) -> None:
        self._catalog = catalog
        self._embedder = embedder
        self._vectors = vectors
        self._keywords = keywords

    async def search(self, principal: Principal, collection: str, query: str, top_k: int = 8) -> Retrieved:
        """Raises CollectionNotFound; IndexUnavailable when neither index answers."""
        started = time.perf_counter()
        limit, tries = max(_CANDIDATES, 4 * top_k), 0
        while True:
            found = await asyncio.to_thread(self._collection, principal, collection)
            rankings, degraded = await self._rank(found, query, limit)
            ranked = fuse(rankings)
            ids = [chunk_id for chunk_id, _ in ranked]
            revision, visible = await asyncio.to_thread(self._check, principal, found.id, ids)
            passages = [Passage(visible[id_], scores.fused or 0.0, scores) for id_, scores in ranked if id_ in visible]
            crowded = len(passages) < top_k and len(ids) >= limit and limit < _MOST_CANDIDATES
            replaced = revision != found.revision and len(visible) < len(ids) and tries < _MOST_TRIES
            if not crowded and not replaced:
                break
            limit, tries = (limit * 4 if crowded else limit), tries + 1
        took = round((time.perf_counter() - started) * 1000, 1)
        return Retrieved(tuple(passages[:top_k]), degraded, {"retrieve": took})

    async def _rank(
        self, collection: Collection, query: str, limit: int
    ) -> tuple[dict[str, Sequence[Hit]], tuple[str, ...]]:
        named = " ".join(identifiers(query))
        dense, keyword, exact = await asyncio.gather(
            _or_none(self._dense(collection, query, limit)),
            _or_none(self._keywords.query(collection.id, query, limit)),
            _or_none(self._keywords.query(collection.id, named, limit)),
        )
        if dense is None and keyword is None:
            raise IndexUnavailable("Neither the vector index nor the keyword index answers.")
        degraded = [name for name, hits in (("vectors", dense), ("keywords", keyword)) if hits is None]
        return {"dense": dense or [], "keyword": keyword or [], "exact": exact or []}, tuple(degraded)

    async def _dense(self, collection: Collection, query: str, limit: int) -> list[Hit]:
        generation = collection.active_generation
        if generation.embedding_model != self._embedder.model:
            raise ModelUnavailable(f"The collection was built with {generation.embedding_model}.")
        return await self._vectors.query(generation, await self._embedder.embed_query(query), limit)

    def _collection(self, principal: Principal, name: str) -> Collection:
        with self._catalog.read() as uow:
            found = uow.collections.by_name(principal.tenant_id, name)
        if found is None:
            raise CollectionNotFound(f"There is no collection {name!r}.")
        return found

    def _check(
        self, principal: Principal, collection_id: str, ids: Sequence[str]
    ) -> tuple[int, dict[str, CatalogedChunk]]:
        """What of the proposals may be seen, in one snapshot, and the collection's revision in it."""
        with self._catalog.read() as uow:
            collection = uow.collections.by_id(collection_id)
            visible = uow.chunks.visible(principal, collection_id, ids)
            return (collection.revision if collection else -1), visible


async def _or_none(work: Coroutine[Any, Any, list[Hit]]) -> list[Hit] | None:
    try:
        return await work
    except DependencyUnavailable:
        return None
