"""Shapes that clients rely on: JSON in snake_case, times RFC 3339 in UTC, pages from 1, boxes [x0, y0, x1, y1] in points.

A shape reads its fields off the product's own types by name (`Document.model_validate(document)`); where the names
differ, the field says where it looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AliasPath, BaseModel, BeforeValidator, ConfigDict, Field

from app.services.documents import Receipt
from pipelines.domain import documents, jobs


class Schema(BaseModel):
    model_config = ConfigDict(extra="forbid", from_attributes=True)

    @classmethod
    def each(cls, found: Iterable[object]) -> list[Self]:
        return [cls.model_validate(one) for one in found]


def _at(*path: str) -> Any:
    return Field(validation_alias=AliasPath(*path))


Sorted = Annotated[list[str], BeforeValidator(sorted)]


class PageBox(Schema):
    page: int
    box: tuple[float, float, float, float]


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
        links = {"document": f"/v1/documents/{receipt.document_id}", **job_links(receipt.job_id)}
        return cls(**{name: getattr(receipt, name) for name in cls.model_fields if name != "links"}, links=links)


def job_links(job_id: str) -> dict[str, str]:
    return {"job": f"/v1/jobs/{job_id}", "events": f"/v1/jobs/{job_id}/events"}


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


class Document(Schema):
    id: str
    collection_id: str
    title: str
    status: documents.DocumentStatus
    readers: Sorted
    metadata: Mapping[str, str]
    active_version_id: str | None
    latest_version: Version = _at("latest")
    created_at: datetime
    updated_at: datetime


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


class ChunkPage(Schema):
    chunks: list[Chunk]
    next_cursor: str | None


# --- collections ---


class NewCollection(Schema):
    name: str


class Collection(Schema):
    id: str
    name: str
    embedding_model: str = _at("active_generation", "embedding_model")
    chunker: str = _at("active_generation", "chunker")
    created_at: datetime


class Reindex(Schema):
    """What new collections get, where nothing is said."""

    embedding_model: str | None = Field(default=None, description="all-MiniLM-L6-v2, or ollama/NAME")
    chunker: str | None = None


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
    document_id: str | None = Field(description="null for a job about a whole collection")
    version_id: str | None
    collection_id: str | None
    run: int
    steps: list[JobStep]
    progress: Progress | None
    error: JobError | None
    created_at: datetime
    updated_at: datetime


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
    document_id: str = _at("source", "document_id")
    version_id: str = _at("source", "chunk", "version_id")
    chunk_id: str = _at("source", "chunk", "id")
    title: str = _at("source", "title")
    filename: str = _at("source", "filename")
    page_start: int = _at("source", "chunk", "page_start")
    page_end: int = _at("source", "chunk", "page_end")
    heading_path: list[str] = _at("source", "chunk", "heading_path")
    text: str = _at("source", "chunk", "text")
    start: int = _at("source", "chunk", "start")
    end: int = _at("source", "chunk", "end")
    boxes: list[PageBox] = _at("source", "chunk", "boxes")
    score: float
    scores: Scores


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


# --- health ---


class Readiness(Schema):
    ready: bool
    dependencies: Mapping[str, str]
