"""Chunks, keyword rows and vectors against the catalog, both ways: what is too much is removed, what is missing made."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import structlog

from app.observability.metrics import DRIFT
from app.services.indexing import Indexing
from pipelines.domain.documents import Generation, Version
from pipelines.domain.errors import CairnError, VersionSuperseded
from pipelines.ports import Catalog, IngestTarget, Standing
from workflows.steps import StepOutput

log = structlog.get_logger()

_PAGE = 200


@dataclass(frozen=True, slots=True)
class IndexReconciliation:
    catalog: Catalog
    indexing: Indexing
    redacted: Callable[[Version], Awaitable[str]]

    async def count(self, tenant_id: str | None) -> int:
        """Collections of the tenant, or of all."""
        return len([each async for each in self._collections(tenant_id, "")])

    async def reconcile(self, tenant_id: str | None, after: str, limit: int) -> StepOutput:
        """The next collections by id; {"last", and what was found and mended}. `last` is "" when there are no more."""
        ids = await asyncio.to_thread(self._page, tenant_id, after, limit)
        drift: Counter[str] = Counter()
        for collection_id in ids:
            drift += await self.collection(collection_id)
        return {"last": ids[-1] if len(ids) == limit else "", "collections": len(ids), **drift}

    async def collection(self, collection_id: str) -> Counter[str]:
        """How much of each kind of drift was found, and mended unless its name says otherwise."""
        drift = Counter(
            unknown_generations=await self._drop_unknown(collection_id),
            orphan_versions=await self._purge_orphans(collection_id),
        )
        drift += await self._complete(collection_id)
        for kind, found in drift.items():
            DRIFT.labels(kind).inc(found)
        if drift:
            log.warning("reconcile.drift", collection_id=collection_id, **drift)
        return drift

    async def _drop_unknown(self, collection_id: str) -> int:
        """Builds in the vector store that the catalog does not know; listed first, since the catalog is told first."""
        held = await self.indexing.vectors.generation_ids(collection_id)
        known = {each.id for each in await asyncio.to_thread(self.indexing.generations, collection_id)}
        for generation_id in sorted(held - known):
            await self.indexing.vectors.drop(Generation(generation_id, collection_id, "", 0, ""))
        return len(held - known)

    async def _purge_orphans(self, collection_id: str) -> int:
        """Versions with anything in an index or among the chunks that neither answer nor are being prepared."""
        held = await self.indexing.keywords.version_ids(collection_id)
        for generation in await asyncio.to_thread(self.indexing.generations, collection_id):
            held |= await self.indexing.vectors.version_ids(generation)
        held |= await asyncio.to_thread(self._chunked, collection_id)
        standings = await asyncio.to_thread(self._standings, held)
        unknown = Standing(kept=False, answers=False, busy=False)
        orphans = sorted(each for each in held if not standings.get(each, unknown).indexed)
        for version_id in orphans:
            await self.indexing.purge(collection_id, version_id)
        return len(orphans)

    async def _complete(self, collection_id: str) -> Counter[str]:
        """Versions that answer and are not wholly in the active build; one purged above by a hair is found here."""
        drift: Counter[str] = Counter()
        after = ""
        while page := await asyncio.to_thread(self._answering, collection_id, after):
            for version_id in page:
                target = await asyncio.to_thread(self._target, version_id)
                if target is not None and await self._differs(target):
                    drift[await self._mend(target)] += 1
            after = page[-1]
        return drift

    async def _differs(self, target: IngestTarget) -> bool:
        generation, version_id = target.collection.active_generation, target.version.id
        wanted, every, recorded = await asyncio.to_thread(self._chunk_ids, generation, version_id)
        in_keywords = await self.indexing.keywords.chunk_ids(version_id)
        if strays := in_keywords - every:
            await self.indexing.keywords.delete(strays)
        in_vectors = await self.indexing.vectors.chunk_ids(generation, version_id)
        if strays or len(wanted) != recorded or in_vectors != wanted or not wanted <= in_keywords:
            return True
        return bool(await self.indexing.vectors.unreachable(generation, version_id))

    async def _mend(self, target: IngestTarget) -> str:
        """What it is called that was found: mended, or why it could not be."""
        generation, version = target.collection.active_generation, target.version
        wanted, _, recorded = await asyncio.to_thread(self._chunk_ids, generation, version.id)
        try:
            if recorded is not None and len(wanted) != recorded:
                await self.indexing.chunk(generation, version, await self.redacted(version))
            await self.indexing.fill(generation, target, self.redacted)
        except VersionSuperseded:
            return "gone_meanwhile"
        except (CairnError, KeyError) as error:  # one document's trouble is not that of the others
            log.error("reconcile.not_mended", version_id=version.id, error=type(error).__name__)
            return "not_mended"
        return "incomplete_versions"

    # --- the catalog, from a thread ---

    async def _collections(self, tenant_id: str | None, after: str) -> AsyncIterator[str]:
        while page := await asyncio.to_thread(self._page, tenant_id, after, _PAGE):
            for collection_id in page:
                yield collection_id
            after = page[-1]

    def _page(self, tenant_id: str | None, after: str, limit: int) -> list[str]:
        with self.catalog.read() as uow:
            return uow.upkeep.collection_ids(tenant_id, after, limit)

    def _chunked(self, collection_id: str) -> set[str]:
        with self.catalog.read() as uow:
            return uow.upkeep.chunked(collection_id)

    def _standings(self, version_ids: set[str]) -> dict[str, Standing]:
        with self.catalog.read() as uow:
            return uow.upkeep.standings(version_ids)

    def _answering(self, collection_id: str, after: str) -> list[str]:
        with self.catalog.read() as uow:
            return uow.upkeep.answering(collection_id, after, _PAGE)

    def _target(self, version_id: str) -> IngestTarget | None:
        with self.catalog.read() as uow:
            return uow.documents.target(version_id)

    def _chunk_ids(self, generation: Generation, version_id: str) -> tuple[set[str], set[str], int | None]:
        """The version's chunks under the generation's chunker, under every chunker, and how many there were when indexed."""
        with self.catalog.read() as uow:
            wanted = uow.chunks.ids(version_id, generation.chunker)
            return wanted, uow.chunks.ids(version_id), uow.generations.chunks(generation.id, version_id)
