"""What the steps of `delete-document` do (the Deletion of workflows/delete.py)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from app.services.ingestion import VersionCache
from pipelines.domain.documents import Generation
from pipelines.domain.errors import DependencyUnavailable
from pipelines.ports import Blobs, Catalog, KeywordIndex, VectorIndex
from workflows.events import DocumentDeleted
from workflows.steps import StepOutput

FILE_KINDS = ("originals", "parsed", "redacted", "vectors")


class PurgeIncomplete(DependencyUnavailable):
    """Something of the deleted document is still there; it is removed again."""

    code = "purge_incomplete"


@dataclass(frozen=True, slots=True)
class DocumentDeletion:
    catalog: Catalog
    blobs: Blobs
    vectors: VectorIndex
    keywords: KeywordIndex
    caches: Sequence[VersionCache]

    async def invalidate_caches(self, deleted: DocumentDeleted) -> StepOutput:
        versions, _ = await asyncio.to_thread(self._traces, deleted)
        return {"entries": sum([await cache.forget(versions) for cache in self.caches])}

    async def purge_index(self, deleted: DocumentDeleted) -> StepOutput:
        versions, generations = await asyncio.to_thread(self._traces, deleted)
        for version_id in versions:
            for generation in generations:
                await self.vectors.delete_version(generation, version_id)
            await self.keywords.delete_version(version_id)
        for generation in generations:
            await self.vectors.scrub(generation)
        return {"versions": len(versions)}

    async def purge_files(self, deleted: DocumentDeleted) -> StepOutput:
        files = len(await self._files(deleted))
        for prefix in await self._prefixes(deleted):
            await self.blobs.delete(prefix)
        return {"files": files}

    async def verify(self, deleted: DocumentDeleted) -> StepOutput:
        """Looks again: a step of an ingest that was cancelled, or an answer, may have written after the purge."""
        versions, generations = await asyncio.to_thread(self._traces, deleted)
        for cache in self.caches:
            await cache.forget(versions)
        left = len(await self._files(deleted))
        for version_id in versions:
            left += len(await self.keywords.chunk_ids(version_id))
            for generation in generations:
                left += len(await self.vectors.chunk_ids(generation, version_id))
        if left:
            await self.purge_index(deleted)
            await self.purge_files(deleted)
            raise PurgeIncomplete
        return {"left": 0}

    async def purge_catalog(self, deleted: DocumentDeleted) -> StepOutput:
        def commit() -> None:
            with self.catalog.begin() as uow:
                uow.answers.erase(deleted.document_id)
                uow.documents.purge(deleted.document_id)

        await asyncio.to_thread(commit)
        return {}

    async def _files(self, deleted: DocumentDeleted) -> list[str]:
        return [key for prefix in await self._prefixes(deleted) for key in await self.blobs.keys(prefix)]

    async def _prefixes(self, deleted: DocumentDeleted) -> list[str]:
        versions, _ = await asyncio.to_thread(self._traces, deleted)
        return [f"{kind}/{version_id}" for version_id in versions for kind in FILE_KINDS]

    def _traces(self, deleted: DocumentDeleted) -> tuple[list[str], list[Generation]]:
        with self.catalog.read() as uow:
            collection_id = uow.documents.collection_id(deleted.document_id)
            generations = uow.generations.of_collection(collection_id) if collection_id else []
            return uow.documents.version_ids(deleted.document_id), generations
