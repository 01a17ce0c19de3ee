"""A small catalog: two tenants, their people, and documents by a word of their content."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pipelines.domain.access import EVERYONE, Principal
from pipelines.domain.chunks import Chunk, Region
from pipelines.domain.documents import Box, Collection, Document, DocumentStatus, Generation, Version
from pipelines.domain.ids import chunk_id, job_id, version_id
from pipelines.domain.jobs import Job, JobKind, JobStatus
from pipelines.ports import Catalog, UnitOfWork

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
CHUNKER = "layout-1"

ANNA = Principal("acme", "anna", frozenset({"finance"}))
BEN = Principal("acme", "ben")
EVE = Principal("rival", "anna", frozenset({"finance"}))  # the same names in another tenant
FOR_ALL = frozenset({EVERYONE})


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def collection(tenant: str = "acme", name: str = "papers", chunker: str = CHUNKER) -> Collection:
    id_ = f"col_{tenant}_{name}"
    generation = Generation(f"gen_{tenant}_{name}", id_, "all-MiniLM-L6-v2", 384, chunker)
    return Collection(id_, tenant, name, generation, 0, START)


PAPERS = collection()


def version(document: str, content: str, seconds: float = 0, filename: str = "report.pdf") -> Version:
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    id_ = version_id(document, sha256)
    return Version(
        id=id_,
        document_id=document,
        sha256=sha256,
        size_bytes=len(content),
        media_type="application/pdf",
        filename=filename,
        blob_key=f"originals/{id_}",
        created_at=at(seconds),
    )


def document(
    id_: str,
    content: str = "",
    seconds: float = 0,
    *,
    readers: frozenset[str] = FOR_ALL,
    where: Collection = PAPERS,
    title: str = "Report",
) -> Document:
    return Document(
        id=id_,
        tenant_id=where.tenant_id,
        collection_id=where.id,
        title=title,
        readers=readers,
        metadata={"source": "mail"},
        latest=version(id_, content or id_, seconds),
        active_version_id=None,
        status=DocumentStatus.PROCESSING,
        created_at=at(seconds),
        updated_at=at(seconds),
    )


def chunks(of: Version, texts: Sequence[str], chunker: str = CHUNKER, headings: tuple[str, ...] = ()) -> list[Chunk]:
    rows, start = [], 0
    for ordinal, text in enumerate(texts):
        end = start + len(text)
        region = Region(start, end, ordinal + 1, Box(72, 72.25, 523, 90.5))
        id_ = chunk_id(of.id, chunker, ordinal, text)
        rows.append(Chunk(id_, of.id, chunker, ordinal, text, start, end, headings, (region,), len(text.split())))
        start = end + 1
    return rows


def ingest_job(of: Version, tenant: str = "acme", seconds: float = 0) -> Job:
    return _job(JobKind.INGEST, tenant, of.document_id, of.id, seconds)


def delete_job(document_id: str, tenant: str = "acme", seconds: float = 0) -> Job:
    return _job(JobKind.DELETE, tenant, document_id, None, seconds)


def _job(kind: JobKind, tenant: str, document_id: str, version_: str | None, seconds: float) -> Job:
    return Job(
        id=job_id(kind, version_ or document_id),
        tenant_id=tenant,
        kind=kind,
        status=JobStatus.QUEUED,
        document_id=document_id,
        version_id=version_,
        run=1,
        steps=(),
        progress=None,
        error=None,
        created_at=at(seconds),
        updated_at=at(seconds),
    )


def set_up(catalog: Catalog, *collections: Collection) -> None:
    """Tenants and collections; without names, acme's papers."""
    with catalog.begin() as uow:
        for each in collections or (PAPERS,):
            uow.keys.add_tenant(each.tenant_id, each.tenant_id.title(), START)
            uow.collections.add(each)


def ready(uow: UnitOfWork, of: Document, texts: Sequence[str] = ("Some text.",)) -> list[Chunk]:
    """A document that answers, with its job and its chunks."""
    rows = chunks(of.latest, texts)
    uow.documents.add(of)
    uow.jobs.add(ingest_job(of.latest, of.tenant_id))
    uow.chunks.replace(of.latest.id, CHUNKER, rows)
    uow.documents.activate(of.latest.id, of.created_at)
    uow.jobs.finish(ingest_job(of.latest).id, JobStatus.SUCCEEDED, of.created_at)
    return rows
