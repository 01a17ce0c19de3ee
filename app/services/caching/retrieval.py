"""Search results that are given again for the same question, while everything that the asker may read is as it was."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from app.observability.metrics import CACHE_LOOKUPS
from app.services.caching.passages import Reference, found_again, referred, versions
from app.services.kept import RESULTS, Kept
from app.services.retrieval import Retrieved, Search
from app.services.timings import Timings
from pipelines.cache_ports import Entry
from pipelines.domain.access import Principal
from pipelines.domain.errors import CollectionNotFound
from pipelines.domain.filters import EVERYTHING, Filters
from pipelines.ports import Catalog
from pipelines.query.cache_key import Scope

_STORED: TypeAdapter[tuple[Retrieved, list[Reference]]] = TypeAdapter(tuple[Retrieved, list[Reference]])


class CachedRetrieval:
    """A Search around another."""

    def __init__(self, retrieval: Search, kept: Kept, catalog: Catalog, maker: str, *, ttl_s: float) -> None:
        self._retrieval = retrieval
        self._kept = kept
        self._catalog = catalog
        self._maker = maker
        self._ttl_s = ttl_s

    async def search(
        self, principal: Principal, collection: str, query: str, top_k: int = 8, filters: Filters = EVERYTHING
    ) -> Retrieved:
        """Raises CollectionNotFound; IndexUnavailable when neither index answers."""
        timings = Timings()
        with timings.measure("cache"):
            options = {"top_k": top_k, "filters": filters}
            key, found = await asyncio.to_thread(self._look_up, principal, collection, query, options)
        CACHE_LOOKUPS.labels(RESULTS, "hit" if found else "miss").inc()
        if found is not None:
            timings.mark("retrieve")
            return replace(found, cache="retrieval", timings_ms=timings)
        made = await self._retrieval.search(principal, collection, query, top_k, filters)
        if not made.degraded:
            await asyncio.to_thread(self._keep, principal, key, made)
        return replace(made, degraded=(*made.degraded, *self._kept.degraded))

    async def occurrences(self, principal: Principal, collection: str, word: str, most: int) -> int:
        return await self._retrieval.occurrences(principal, collection, word, most)

    def _look_up(
        self, principal: Principal, collection: str, query: str, options: dict[str, object]
    ) -> tuple[str, Retrieved | None]:
        with self._catalog.read(principal) as uow:
            view = uow.collections.view(principal, collection)
            if view is None:
                raise CollectionNotFound(f"There is no collection {collection!r}.")
            key = Scope.of(principal, [view], self._maker, options).key(query)
            stored = self._kept.get(RESULTS, [key]).get(key)
            if stored is None:
                return key, None
            try:
                found, references = _STORED.validate_json(stored)
            except ValidationError:  # of another release
                return key, None
            visible = uow.chunks.visible(principal, view.collection.id, [each[0] for each in references])
        passages = found_again(references, visible)
        return key, None if passages is None else replace(found, collection=view.collection, passages=passages)

    def _keep(self, principal: Principal, key: str, made: Retrieved) -> None:
        value = _STORED.dump_json((replace(made, passages=(), timings_ms={}), referred(made.passages)))
        tags = versions(made.passages)
        self._kept.put(RESULTS, [Entry(key, value, self._ttl_s, tags, principal.tenant_id)])
