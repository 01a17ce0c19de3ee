"""A step that outlives its document leaves nothing behind: it writes nothing, or takes back what it wrote."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.adapters.blobs import FolderBlobs
from app.adapters.sql import SqlCatalog, SqlKeywordIndex
from app.observability.traces import OtelTracer
from app.services.deletion import DocumentDeletion
from app.services.indexing import Indexing
from app.services.ingestion import DocumentIngestion, IngestionLimits
from app.services.job_record import CatalogJobRecord
from app.services.redaction import Redaction
from pipelines.domain.documents import Document
from pipelines.domain.errors import VersionSuperseded
from pipelines.ingest import chunk, stages
from pipelines.ingest.redact import DEFAULT_POLICY
from pipelines.ports import TokenCounter, Vectors
from tests.contract.samples import CHUNKER, PAPERS, at, chunks, document, ingest_job, set_up, version
from tests.fakes.embedders import OneEmbedder
from tests.fakes.models import MemoryIndex
from workflows.events import BatchRequested, DocumentDeleted, DocumentUploaded

VERSION = document("doc_a").latest
UPLOAD = DocumentUploaded(tenant_id="acme", job_id=ingest_job(VERSION).id, document_id="doc_a", version_id=VERSION.id)
DELETED = DocumentDeleted(tenant_id="acme", job_id="job_d", document_id="doc_a")
BATCH = BatchRequested(**UPLOAD.model_dump(), chunks=2, batch_size=2)

Meanwhile = Callable[[], Awaitable[None]]


class InThisProcess:
    """Workers whose last task is done just after the document was purged."""

    def __init__(self) -> None:
        self.before_the_end_of: tuple[Any, Meanwhile] | None = None

    async def run(self, task: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        result = task(*args, **kwargs)
        if self.before_the_end_of and self.before_the_end_of[0] is task:
            await self.before_the_end_of[1]()
        return result


class SlowEmbedder:
    model, dimensions, max_tokens = PAPERS.active_generation.embedding_model, 2, 256

    def __init__(self) -> None:
        self.meanwhile: Meanwhile | None = None

    def token_counter(self) -> TokenCounter:
        return lambda texts: [len(text.split()) for text in texts]

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        if self.meanwhile:
            await self.meanwhile()
        return np.full((len(texts), 2), 0.5**0.5, np.float32)

    async def embed_query(self, text: str) -> Vectors:
        return (await self.embed_documents([text]))[0]


class SlowBlobs(FolderBlobs):
    """A folder in which the document is purged just before a file is written."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.meanwhile: Meanwhile | None = None
        self.written: list[str] = []

    async def put(self, key: str, data: bytes) -> None:
        if self.meanwhile:
            await self.meanwhile()
        await super().put(key, data)
        self.written.append(key)


@pytest.mark.parametrize("step", ["parse", "redact", "chunk", "embed"])
async def test_a_step_that_ends_after_the_purge_writes_nothing(catalog: SqlCatalog, tmp_path: Path, step: str) -> None:
    blobs, workers, embedder = await _uploaded(catalog, tmp_path), InThisProcess(), SlowEmbedder()
    ingestion, deletion = _built(catalog, blobs, workers, embedder)

    async def delete() -> None:
        await _delete(catalog, deletion)
        if step == "chunk":
            await deletion.purge_catalog(DELETED)
        blobs.written.clear()

    if step == "parse":
        workers.before_the_end_of = (stages.parse_range, delete)
        late = ingestion.parse(UPLOAD)
    elif step == "redact":
        await ingestion.parse(UPLOAD)
        workers.before_the_end_of = (stages.redact_parts, delete)
        late = ingestion.redact(UPLOAD)
    elif step == "chunk":
        await ingestion.parse(UPLOAD)
        await ingestion.redact(UPLOAD)
        workers.before_the_end_of = (stages.chunk_document, delete)
        generation = replace(PAPERS.active_generation, chunker=chunk.CHUNKER)
        late = ingestion.indexing.chunk(generation, VERSION, await ingestion.redacted(VERSION))
    else:
        embedder.meanwhile = delete
        late = ingestion.embed_batch(BATCH, 0)
    with pytest.raises(VersionSuperseded):
        await late
    assert (blobs.written, _files(tmp_path)) == ([], [])


@pytest.mark.parametrize("cancelled", [False, True])
async def test_what_is_written_during_the_purge_is_taken_back(
    catalog: SqlCatalog, tmp_path: Path, cancelled: bool
) -> None:
    blobs, embedder = await _uploaded(catalog, tmp_path), SlowEmbedder()
    ingestion, deletion = _built(catalog, blobs, InThisProcess(), embedder)
    step = asyncio.create_task(ingestion.embed_batch(BATCH, 0))

    async def purge() -> None:
        await _delete(catalog, deletion)
        if cancelled:
            step.cancel()

    blobs.meanwhile = purge
    with pytest.raises(asyncio.CancelledError if cancelled else VersionSuperseded):
        await step
    async with asyncio.timeout(10):
        while not blobs.written or _files(tmp_path):
            await asyncio.sleep(0.01)


async def test_vectors_of_a_version_that_nobody_wants_any_more_go_with_its_job(
    catalog: SqlCatalog, tmp_path: Path
) -> None:
    await _uploaded(catalog, tmp_path)
    ingestion, _ = _built(
        catalog, blobs := FolderBlobs(tmp_path / "files"), InThisProcess(), embedder := SlowEmbedder()
    )
    await ingestion.embed_batch(BATCH, 0)
    await ingestion.give_up(UPLOAD)
    assert await blobs.keys("vectors"), "a retry of the version that is wanted begins with them"

    async def replace_it() -> None:
        with catalog.begin() as uow:
            uow.documents.add_version(version("doc_a", "newer", 1))
        await ingestion.give_up(UPLOAD)

    await blobs.delete("vectors")
    embedder.meanwhile = replace_it
    with pytest.raises(VersionSuperseded):
        await ingestion.embed_batch(BATCH, 0)
    assert await blobs.keys("vectors") == []


def _files(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "files").rglob("*") if path.is_file()]


async def _uploaded(catalog: SqlCatalog, tmp_path: Path) -> SlowBlobs:
    set_up(catalog)
    blobs = SlowBlobs(tmp_path / "files")
    blobs.open()
    await blobs.put(VERSION.blob_key, b"# Leave\n\nStaff have 28 days of leave a year.\n")
    with catalog.begin() as uow:
        uow.documents.add(_markdown())
        uow.jobs.add(ingest_job(VERSION))
        uow.chunks.replace(VERSION.id, CHUNKER, chunks(VERSION, ["Leave", "Staff have 28 days of leave a year."]))
    blobs.written.clear()
    return blobs


async def _delete(catalog: SqlCatalog, deletion: DocumentDeletion) -> None:
    with catalog.begin() as uow:
        uow.documents.tombstone("doc_a", at(1))
    await deletion.purge_files(DELETED)


def _markdown() -> Document:
    return replace(document("doc_a"), latest=replace(VERSION, media_type="text/markdown", filename="leave.md"))


def _built(
    catalog: SqlCatalog, blobs: FolderBlobs, workers: InThisProcess, embedder: SlowEmbedder
) -> tuple[DocumentIngestion, DocumentDeletion]:
    embedders, vectors, keywords = OneEmbedder(embedder), MemoryIndex(), SqlKeywordIndex(catalog)
    ingestion = DocumentIngestion(
        catalog=catalog,
        blobs=blobs,
        workers=workers,
        embedders=embedders,
        vectors=vectors,  # type: ignore[arg-type]  # what is asked of it here, it has
        indexing=Indexing(catalog, blobs, workers, embedders, vectors, keywords),  # type: ignore[arg-type]
        caches=(),
        progress=CatalogJobRecord(catalog, lambda: at(2), OtelTracer(None, "0")),
        redaction=Redaction(catalog, DEFAULT_POLICY, bytes(32)),
        clock=lambda: at(2),
        limits=IngestionLimits(),
    )
    return ingestion, DocumentDeletion(catalog, blobs, vectors, keywords, ())  # type: ignore[arg-type]
