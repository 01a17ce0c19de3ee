"""The indexes of one version under one generation: filled, verified, removed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from app.services.embedding_cache import made_from
from pipelines.domain.chunks import Chunk
from pipelines.domain.documents import Generation, Version
from pipelines.domain.errors import IndexUnavailable, UnreadableFile, VersionSuperseded
from pipelines.ingest import stages
from pipelines.ports import Blobs, Catalog, Embedders, IngestTarget, KeywordIndex, VectorIndex, Workers

_BATCH = 64  # chunks embedded at a time: what a death of the server costs


@dataclass(frozen=True, slots=True)
class Indexing:
    catalog: Catalog
    blobs: Blobs
    workers: Workers
    embedders: Embedders
    vectors: VectorIndex
    keywords: KeywordIndex

    async def chunk(self, generation: Generation, version: Version, key: str) -> int:
        """The version's chunks under the generation's chunker, made from the document under `key`; how many."""
        counter = self.embedders.of(generation.embedding_model).token_counter()
        document = await self.blobs.get(key)
        rows = await self.workers.run(stages.chunk_document, document, version.id, generation.chunker, counter)
        if not rows:
            raise UnreadableFile("No text was found in the file. If it is a scan, install tesseract-ocr and retry.")

        def commit() -> None:
            with self.catalog.begin() as uow:
                if uow.documents.target(version.id) is None:
                    raise VersionSuperseded  # its document was removed meanwhile
                uow.chunks.replace(version.id, generation.chunker, rows)
                uow.documents.record_facts(version.id, chunks=len(rows))

        await asyncio.to_thread(commit)
        return len(rows)

    async def fill(
        self, generation: Generation, target: IngestTarget, redacted: Callable[[Version], Awaitable[str]]
    ) -> int:
        """Adds what the indexes lack of the version, and records it as complete; how many chunks it has.

        `redacted` gives the key of a version's document without personal data, which it makes anew if it is gone.
        Raises IndexUnavailable when they do not hold what was written, VersionSuperseded when nobody wants it any more.
        """
        version = target.version
        await asyncio.to_thread(self._begin, generation, version.id)
        if not await asyncio.to_thread(self._chunks, generation, version.id):
            await self.chunk(generation, version, await redacted(version))
        rows = await asyncio.to_thread(self._chunks, generation, version.id)
        wanted = {row.id for row in rows}
        held = await self.vectors.chunk_ids(generation, version.id)
        if not held <= wanted:
            await self.vectors.delete_version(generation, version.id)
            held = set()
        held -= await self.vectors.unreachable(generation, version.id)
        embedder = made_from(self.embedders.of(generation.embedding_model), {version.id})
        lacking = [row for row in rows if row.id not in held]
        for first in range(0, len(lacking), _BATCH):
            batch = lacking[first : first + _BATCH]
            texts = [row.embedding_text(target.document.title) for row in batch]
            await self.vectors.upsert(generation, batch, await embedder.embed_documents(texts))
        known = await self.keywords.chunk_ids(version.id)
        await self.keywords.upsert(generation.collection_id, [row for row in rows if row.id not in known])
        if await self.vectors.chunk_ids(generation, version.id) != wanted or not (
            wanted <= await self.keywords.chunk_ids(version.id)
        ):
            await self.vectors.delete_version(generation, version.id)
            raise IndexUnavailable("The index does not hold what was written to it; it is written again.")
        if not await asyncio.to_thread(self._complete, generation, version.id, len(rows)):
            await self._take_back(generation, version.id)  # whoever removed it may have done so before we wrote
            raise VersionSuperseded
        return len(rows)

    async def purge(self, collection_id: str, version_id: str) -> None:
        """Removes a version that does not answer from the indexes of every generation; its chunks too."""

        def forget() -> None:
            with self.catalog.begin() as uow:
                for generation in uow.generations.of_collection(collection_id):
                    uow.generations.forget(generation.id, version_id)
                uow.chunks.delete_version(version_id)

        for generation in await asyncio.to_thread(self.generations, collection_id):
            await self.vectors.delete_version(generation, version_id)
        await self.keywords.delete_version(version_id)
        await asyncio.to_thread(forget)

    async def drop(self, generation: Generation) -> int:
        """Removes a generation that does not answer, and the chunks that only it had; how many."""

        def forget() -> list[str]:
            with self.catalog.begin() as uow:
                uow.generations.drop(generation.id)
            return self._outdated(generation.collection_id)

        await self.vectors.drop(generation)
        dropped = 0
        outdated = await asyncio.to_thread(forget)
        while outdated:
            dropped += len(outdated)
            await self.keywords.delete(outdated)
            await asyncio.to_thread(self._delete_chunks, outdated)
            outdated = await asyncio.to_thread(self._outdated, generation.collection_id)
        return dropped

    # --- the catalog, from a thread ---

    def generations(self, collection_id: str) -> list[Generation]:
        with self.catalog.read() as uow:
            return uow.generations.of_collection(collection_id)

    def _begin(self, generation: Generation, version_id: str) -> None:
        with self.catalog.begin() as uow:
            if generation not in uow.generations.of_collection(generation.collection_id):
                raise VersionSuperseded("The generation that the version was prepared for is gone.")
            uow.generations.begin(generation.id, version_id)

    def _complete(self, generation: Generation, version_id: str, chunks: int) -> bool:
        with self.catalog.begin() as uow:
            target = uow.documents.target(version_id)
            known = generation in uow.generations.of_collection(generation.collection_id)
            if not known or target is None or not _used(target):
                return False
            uow.generations.complete(generation.id, version_id, chunks)
        return True

    async def _take_back(self, generation: Generation, version_id: str) -> None:
        if generation in await asyncio.to_thread(self.generations, generation.collection_id):
            await self.purge(generation.collection_id, version_id)
        else:
            await self.vectors.drop(generation)

    def _chunks(self, generation: Generation, version_id: str) -> list[Chunk]:
        with self.catalog.read() as uow:
            return uow.chunks.of_version(version_id, generation.chunker)

    def _outdated(self, collection_id: str) -> list[str]:
        with self.catalog.read() as uow:
            return uow.chunks.outdated(collection_id, 1_000)

    def _delete_chunks(self, chunk_ids: list[str]) -> None:
        with self.catalog.begin() as uow:
            uow.chunks.delete(chunk_ids)


def _used(target: IngestTarget) -> bool:
    """Whether the version answers, or is to answer."""
    return target.wanted or (not target.deleted and target.document.active_version_id == target.version.id)
