"""What the steps of `ingest-document` do (the Ingestion of workflows/ingest.py).

Between steps, results lie in the blob store under keys that name what they are made of, so a step that runs again
finds what it made before. Text before redaction lies under `parsed/`, from one step to the next only.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import numpy as np

from app.services.embedding_cache import made_from
from app.services.figures import Figures
from app.services.indexing import Indexing
from app.services.redaction import Redaction
from pipelines.domain.chunks import Chunk
from pipelines.domain.documents import Version
from pipelines.domain.errors import CacheUnavailable, CairnError, LimitExceeded, VersionSuperseded
from pipelines.domain.jobs import Progress
from pipelines.domain.privacy import RedactionReport
from pipelines.ingest import parse, stages
from pipelines.ingest.parse import PageRange
from pipelines.ingest.redact import Place, redaction_id
from pipelines.ports import (
    Blobs,
    Catalog,
    Clock,
    Embedder,
    Embedders,
    IngestTarget,
    VectorIndex,
    Vectors,
    Workers,
)
from workflows.events import BatchRequested, DocumentUploaded
from workflows.steps import StepOutput


class _NotInGeneration(Exception):
    """The collection's active generation does not hold the version."""


class ProgressRecord(Protocol):
    async def progress(self, job_id: str, progress: Progress) -> None: ...


class VersionCache(Protocol):
    """Anything that remembers what a version contributed to."""

    async def forget(self, version_ids: Sequence[str]) -> int: ...  # entries removed


@dataclass(frozen=True, slots=True)
class IngestionLimits:
    max_pages: int = 5_000
    pages_per_range: int = 16
    chunks_per_batch: int = 64
    max_batches: int = 500  # a run has 1,000 steps at most


@dataclass(frozen=True, slots=True)
class DocumentIngestion:
    catalog: Catalog
    blobs: Blobs
    workers: Workers
    embedders: Embedders
    vectors: VectorIndex
    indexing: Indexing
    caches: Sequence[VersionCache]
    progress: ProgressRecord
    redaction: Redaction
    clock: Clock
    limits: IngestionLimits
    ocr: parse.Ocr | None = None
    figures: Figures | None = None

    async def parse(self, upload: DocumentUploaded) -> StepOutput:
        """Pages to blocks, a range of pages at a time; a range that is done is not done again."""
        version = (await self._wanted(upload.version_id)).version
        pages = await self._parse(version, upload.job_id)
        await asyncio.to_thread(self._record_pages, version, pages)
        return {"pages": pages, "blob_key": self._parsed_prefix(version)}

    async def _parse(self, version: Version, job_id: str | None) -> int:
        async with self.blobs.local(version.blob_key) as path:
            pages = await self.workers.run(parse.probe, path, version.media_type, self.ocr)
            if pages > self.limits.max_pages:
                raise LimitExceeded(f"The file has {pages:,} pages; {self.limits.max_pages:,} are allowed.")
            if not await self.blobs.exists(self._redacted_key(await self._kept(version))):
                await self._parse_ranges(job_id, version, path, parse.plan_ranges(pages, self.limits.pages_per_range))
        return pages

    async def _parse_ranges(
        self, job_id: str | None, version: Version, path: Path, ranges: Sequence[PageRange]
    ) -> None:
        done = 0
        total = ranges[-1].last

        async def parse_range(pages: PageRange) -> None:
            nonlocal done
            key = self._parsed_key(version, pages)
            if not await self.blobs.exists(key):
                blocks = await self.workers.run(stages.parse_range, path, version.media_type, pages, self.ocr)
                if self.figures is not None:
                    blocks = await self.figures.described(blocks, path, version.media_type)
                await self._put(version, key, blocks, self._undeleted)
            done += pages.last - pages.first + 1
            if job_id is not None:
                await self.progress.progress(job_id, Progress(done, total, "pages"))

        tasks = [asyncio.create_task(parse_range(pages)) for pages in ranges]
        try:
            await asyncio.gather(*tasks)
        finally:  # one range failed, or the step was cancelled: the others are of no use
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def redact(self, upload: DocumentUploaded) -> StepOutput:
        """All ranges to one document without personal data; the ranges are removed."""
        version = (await self._wanted(upload.version_id)).version
        key = await self._redact(version)
        counts = await asyncio.to_thread(self._redaction_counts, version)
        return {"redacted": sum(counts.values()), **counts, "blob_key": key}

    async def _redact(self, version: Version) -> str:
        target = await self._kept(version)
        key = self._redacted_key(target)
        if not await self.blobs.exists(key):
            pages = await self._parse(version, None)  # makes only what is not there: half a document is worse than none
            ranges = parse.plan_ranges(pages, self.limits.pages_per_range)
            parts = [await self.blobs.get(self._parsed_key(version, each)) for each in ranges]
            policy, secret = self.redaction.policy(target.collection), self.redaction.key(target.document.tenant_id)
            place = Place(target.document.tenant_id, version.id)
            document, report = await self.workers.run(stages.redact_parts, parts, policy, secret, place)
            await asyncio.to_thread(self._record_redaction, version, report)
            await self._put(version, key, document, self._undeleted)
            await self._sweep(version.id, key)
        await self.blobs.delete(f"parsed/{version.id}")
        return key

    async def sweep(self, version_id: str) -> None:
        """Removes documents made of the version by another policy, reader or detector than those of now."""
        target = await asyncio.to_thread(self._target, version_id)
        if target is not None:
            await self._sweep(version_id, self._redacted_key(target))

    async def _sweep(self, version_id: str, key: str) -> None:
        for other in await self.blobs.keys(f"redacted/{version_id}"):
            if other != key:
                await self.blobs.delete(other)

    async def redacted(self, version: Version) -> str:
        """The key of the version's document without personal data, which is made anew if it is gone."""
        try:
            return await self._redact(version)
        except CairnError:  # no job of the version comes to remove what was read of it
            await self.blobs.delete(f"parsed/{version.id}")
            raise

    async def chunk(self, upload: DocumentUploaded) -> StepOutput:
        target = await self._wanted(upload.version_id)
        version = target.version
        chunks = await self.indexing.chunk(target.collection.active_generation, version, await self._redact(version))
        return {
            "chunks": chunks,
            "batch_size": max(self.limits.chunks_per_batch, -(-chunks // self.limits.max_batches)),
        }

    async def embed_batch(self, request: BatchRequested, batch: int) -> StepOutput:
        target = await self._wanted(request.version_id)
        first = batch * request.batch_size
        rows = await asyncio.to_thread(self._chunks, target, first, request.batch_size)
        key = f"{_vectors_prefix(target)}{first:08}"
        texts = [row.embedding_text(target.document.title) for row in rows]
        data = (
            await self.blobs.get(key)
            if await self.blobs.exists(key)
            else _encode(await made_from(self._embedder(target), {target.version.id}).embed_documents(texts))
        )
        await self._put(target.version, key, data, self._wanted)
        await self.progress.progress(request.job_id, Progress(first + len(rows), request.chunks, "chunks"))
        return {"count": len(rows), "blob_key": key, "sha256": hashlib.sha256(data).hexdigest()}

    async def index(self, upload: DocumentUploaded) -> StepOutput:
        """Vectors and keyword rows of all chunks; nobody sees them before the version is active."""
        target = await self._wanted(upload.version_id)
        generation = target.collection.active_generation
        for key in sorted(await self.blobs.keys(_vectors_prefix(target))):
            vectors = _decode(await self.blobs.get(key))
            rows = await asyncio.to_thread(self._chunks, target, int(key.rsplit("/", 1)[-1]), len(vectors))
            await self.vectors.upsert(generation, rows, vectors)
        return {"chunks": await self.indexing.fill(generation, target, self.redacted)}

    async def activate(self, upload: DocumentUploaded) -> StepOutput:
        def commit() -> str | None:
            with self.catalog.begin() as uow:
                target = uow.documents.target(upload.version_id)
                if target is None:
                    raise VersionSuperseded
                if not uow.generations.is_complete(target.collection.active_generation.id, upload.version_id):
                    raise _NotInGeneration
                return uow.documents.activate(upload.version_id, self.clock())

        while True:
            try:
                return {"replaced": await asyncio.to_thread(commit) or ""}
            except _NotInGeneration:  # the collection was reindexed after this version was indexed
                target = await self._wanted(upload.version_id)
                await self.indexing.fill(target.collection.active_generation, target, self.redacted)

    async def invalidate_caches(self, upload: DocumentUploaded) -> StepOutput:
        target = await self._wanted(upload.version_id)
        version_ids = await asyncio.to_thread(self._version_ids, target)
        try:
            return {"entries": sum([await cache.forget(version_ids) for cache in self.caches])}
        except CacheUnavailable:  # what it holds of the old version is given to nobody, and goes in its time
            return {"entries": 0}

    async def clean_up(self, upload: DocumentUploaded) -> StepOutput:
        """Removes work files, and what was derived from versions that no longer answer; originals stay."""
        target = await self._wanted(upload.version_id)
        await self.blobs.delete(f"vectors/{target.version.id}")
        retired = [each for each in await asyncio.to_thread(self._version_ids, target) if each != target.version.id]
        for version_id in retired:
            await self.indexing.purge(target.collection.id, version_id)
        return {"retired_versions": len(retired)}

    async def give_up(self, upload: DocumentUploaded) -> None:
        """Leaves a failed or cancelled version with its original, and what a retry can use; never unredacted text."""
        await self.blobs.delete(f"parsed/{upload.version_id}")
        target = await asyncio.to_thread(self._target, upload.version_id)
        if target is None or not target.wanted:  # nobody tries it again
            await self.blobs.delete(f"vectors/{upload.version_id}")
        if target is not None and target.document.active_version_id != upload.version_id:
            await self.indexing.purge(target.collection.id, upload.version_id)

    async def _put(self, version: Version, key: str, data: bytes, still: Callable[[str], Awaitable[object]]) -> None:
        """Keeps a result while `still` passes, which is asked before and after. A step cancelled here comes to its end."""
        await asyncio.shield(self._put_while(version, key, data, still))

    async def _put_while(
        self, version: Version, key: str, data: bytes, still: Callable[[str], Awaitable[object]]
    ) -> None:
        await still(version.id)  # a deletion that is under way, or over, finds nothing new
        await self.blobs.put(key, data)
        try:
            await still(version.id)
        except VersionSuperseded:  # whoever cleans up may have come before the write
            await self.blobs.delete(key)
            raise

    # --- the catalog, from a thread ---

    async def _wanted(self, version_id: str) -> IngestTarget:
        """Raises VersionSuperseded when the document was deleted or has a newer upload."""
        target = await asyncio.to_thread(self._target, version_id)
        if target is None or not target.wanted:
            raise VersionSuperseded
        return target

    async def _kept(self, version: Version) -> IngestTarget:
        """Raises VersionSuperseded when the document was removed."""
        target = await asyncio.to_thread(self._target, version.id)
        if target is None:
            raise VersionSuperseded
        return target

    async def _undeleted(self, version_id: str) -> None:
        """Raises VersionSuperseded when the document was deleted."""
        target = await asyncio.to_thread(self._target, version_id)
        if target is None or target.deleted:
            raise VersionSuperseded

    def _target(self, version_id: str) -> IngestTarget | None:
        with self.catalog.read() as uow:
            return uow.documents.target(version_id)

    def _version_ids(self, target: IngestTarget) -> list[str]:
        with self.catalog.read() as uow:
            return uow.documents.version_ids(target.document.id)

    def _chunks(self, target: IngestTarget, first: int, limit: int) -> list[Chunk]:
        with self.catalog.read() as uow:
            chunker = target.collection.active_generation.chunker
            return uow.chunks.of_version(target.version.id, chunker, first, limit)

    def _redaction_counts(self, version: Version) -> dict[str, int]:
        target = self._target(version.id)
        return dict(target.version.pii.counts) if target else {}

    def _record_pages(self, version: Version, pages: int) -> None:
        with self.catalog.begin() as uow:
            uow.documents.record_facts(version.id, pages=pages)

    def _record_redaction(self, version: Version, report: RedactionReport) -> None:
        with self.catalog.begin() as uow:
            uow.documents.record_facts(version.id, pii=report)
            uow.sealed.replace(version.id, report.sealed)

    def _embedder(self, target: IngestTarget) -> Embedder:
        return self.embedders.of(target.collection.active_generation.embedding_model)

    # --- where things lie ---

    @property
    def _parser(self) -> str:
        name = parse.parser_name(self.ocr)
        return f"{name}-figures-{quote(self.figures.name, safe='')}" if self.figures else name

    def _redacted_key(self, target: IngestTarget) -> str:
        policy = self.redaction.policy(target.collection)
        return f"redacted/{target.version.id}/{self._parser}/{redaction_id(policy)}"

    def _parsed_prefix(self, version: Version) -> str:
        return f"parsed/{version.id}/{self._parser}/"

    def _parsed_key(self, version: Version, pages: PageRange) -> str:
        return f"{self._parsed_prefix(version)}{pages.first:06}"


def _vectors_prefix(target: IngestTarget) -> str:
    return f"vectors/{target.version.id}/{target.collection.active_generation.id}/"


def _encode(vectors: Vectors) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, vectors, allow_pickle=False)
    return buffer.getvalue()


def _decode(data: bytes) -> Vectors:
    return np.asarray(np.load(io.BytesIO(data), allow_pickle=False), dtype=np.float32)
