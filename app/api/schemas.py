"""Shapes that clients rely on: JSON in snake_case, times RFC 3339 in UTC, pages from 1, boxes [x0, y0, x1, y1] in points."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from app.services.documents import Receipt
from pipelines.domain import answers, chunks, documents, jobs


class Schema(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PageBox(Schema):
    page: int
    box: tuple[float, float, float, float]


def _boxes(found: tuple[documents.PageBox, ...]) -> list[PageBox]:
    return [PageBox(page=each.page, box=each.box) for each in found]


# --- documents ---


class UploadedDocument(Schema):
    document_id: str
    version_id: str
    job_id: str
    filename: str
    duplicate: bool
    links: dict[str, str]

    @classmethod
    def of(cls, receipt: Receipt) -> Self:
        links = {
            "document": f"/v1/documents/{receipt.document_id}",
            "job": f"/v1/jobs/{receipt.job_id}",
            "events": f"/v1/jobs/{receipt.job_id}/events",
        }
        return cls(
            document_id=receipt.document_id,
            version_id=receipt.version_id,
            job_id=receipt.job_id,
            filename=receipt.filename,
            duplicate=receipt.duplicate,
            links=links,
        )


class Uploaded(Schema):
    documents: list[UploadedDocument]


class Version(Schema):
    id: str
    sha256: str
    size_bytes: int
    media_type: str
    filename: str
    pages: int | None
    chunks: int | None
    pii_counts: Mapping[str, int]
    created_at: datetime

    @classmethod
    def of(cls, version: documents.Version) -> Self:
        return cls(**{name: getattr(version, name) for name in cls.model_fields})


class Document(Schema):
    id: str
    collection_id: str
    title: str
    status: documents.DocumentStatus
    readers: list[str]
    metadata: Mapping[str, str]
    active_version_id: str | None
    latest_version: Version
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, document: documents.Document) -> Self:
        return cls(
            id=document.id,
            collection_id=document.collection_id,
            title=document.title,
            status=document.status,
            readers=sorted(document.readers),
            metadata=document.metadata,
            active_version_id=document.active_version_id,
            latest_version=Version.of(document.latest),
            created_at=document.created_at,
            updated_at=document.updated_at,
        )


class DocumentPage(Schema):
    documents: list[Document]
    next_cursor: str | None = Field(description="pass it as `cursor` to read on; null at the end")


class Deleted(Schema):
    document_id: str
    job_id: str
    links: dict[str, str]


class Chunk(Schema):
    id: str
    ordinal: int
    text: str
    start: int
    end: int
    heading_path: list[str]
    page_start: int
    page_end: int
    boxes: list[PageBox]
    token_count: int

    @classmethod
    def of(cls, chunk: chunks.Chunk) -> Self:
        return cls(
            id=chunk.id,
            ordinal=chunk.ordinal,
            text=chunk.text,
            start=chunk.start,
            end=chunk.end,
            heading_path=list(chunk.heading_path),
            page_start=chunk.page_start,
            page_end=chunk.page_end,
            boxes=_boxes(chunk.boxes),
            token_count=chunk.token_count,
        )


class ChunkPage(Schema):
    chunks: list[Chunk]
    next_cursor: str | None


# --- collections ---


class NewCollection(Schema):
    name: str


class Collection(Schema):
    id: str
    name: str
    embedding_model: str
    chunker: str
    created_at: datetime

    @classmethod
    def of(cls, collection: documents.Collection) -> Self:
        generation = collection.active_generation
        return cls(
            id=collection.id,
            name=collection.name,
            embedding_model=generation.embedding_model,
            chunker=generation.chunker,
            created_at=collection.created_at,
        )


class CollectionList(Schema):
    collections: list[Collection]


# --- jobs ---


class JobStep(Schema):
    id: str
    status: jobs.StepStatus
    attempts: int
    started_at: datetime
    ended_at: datetime | None
    output: Mapping[str, int | str] | None


class Progress(Schema):
    done: int
    total: int
    unit: str


class JobError(Schema):
    code: str
    detail: str


class Job(Schema):
    id: str
    kind: jobs.JobKind
    status: jobs.JobStatus
    document_id: str
    version_id: str | None
    run: int
    steps: list[JobStep]
    progress: Progress | None
    error: JobError | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, job: jobs.Job) -> Self:
        return cls(
            id=job.id,
            kind=job.kind,
            status=job.status,
            document_id=job.document_id,
            version_id=job.version_id,
            run=job.run,
            steps=[JobStep(**{name: getattr(step, name) for name in JobStep.model_fields}) for step in job.steps],
            progress=Progress(**{name: getattr(job.progress, name) for name in Progress.model_fields})
            if job.progress
            else None,
            error=JobError(code=job.error.code, detail=job.error.detail) if job.error else None,
            created_at=job.created_at,
            updated_at=job.updated_at,
        )


class JobPage(Schema):
    jobs: list[Job]
    next_cursor: str | None


# --- search and answers ---


class SearchRequest(Schema):
    query: str = Field(min_length=1, max_length=4_000)
    collection: str = "default"
    top_k: int = Field(8, ge=1, le=50)


class QueryRequest(SearchRequest):
    stream: bool = True


class Scores(Schema):
    dense: float | None
    keyword: float | None
    fused: float | None
    rerank: float | None


class Passage(Schema):
    document_id: str
    version_id: str
    chunk_id: str
    title: str
    filename: str
    page_start: int
    page_end: int
    heading_path: list[str]
    text: str
    start: int
    end: int
    boxes: list[PageBox]
    score: float
    scores: Scores

    @classmethod
    def of(cls, passage: answers.Passage) -> Self:
        chunk = passage.source.chunk
        return cls(
            document_id=passage.source.document_id,
            version_id=chunk.version_id,
            chunk_id=chunk.id,
            title=passage.source.title,
            filename=passage.source.filename,
            page_start=chunk.page_start,
            page_end=chunk.page_end,
            heading_path=list(chunk.heading_path),
            text=chunk.text,
            start=chunk.start,
            end=chunk.end,
            boxes=_boxes(chunk.boxes),
            score=passage.score,
            scores=Scores(**{name: getattr(passage.scores, name) for name in Scores.model_fields}),
        )


class Passages(Schema):
    passages: list[Passage]
    degraded: list[str]


class Citation(Schema):
    number: int
    document_id: str
    version_id: str
    title: str
    filename: str
    page: int
    boxes: list[PageBox]
    quote: str
    chunk_id: str
    start: int
    end: int

    @classmethod
    def of(cls, citation: answers.Citation) -> Self:
        facts = {name: getattr(citation, name) for name in cls.model_fields}
        return cls(**{**facts, "boxes": _boxes(citation.boxes)})


class Answer(Schema):
    id: str
    text: str
    citations: list[Citation]
    grounded: bool
    abstained: bool
    degraded: list[str]
    cache: str
    model: str
    timings_ms: Mapping[str, float]

    @classmethod
    def of(cls, answer: answers.Answer) -> Self:
        facts = {name: getattr(answer, name) for name in cls.model_fields}
        return cls(**{**facts, "citations": [Citation.of(each) for each in answer.citations]})


# --- health ---


class Readiness(Schema):
    ready: bool
    dependencies: Mapping[str, str]
