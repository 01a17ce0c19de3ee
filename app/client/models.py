"""What the server answers with, as types. Fields that a newer server adds are kept, and are in `model_dump()`.

Times are RFC 3339 in UTC, pages count from 1, boxes are [x0, y0, x1, y1] in PDF points from the top left of a page.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

JobStatus = Literal["queued", "running", "succeeded", "failed", "cancelled"]
DocumentStatus = Literal["processing", "updating", "ready", "failed"]
ENDED: tuple[JobStatus, ...] = ("succeeded", "failed", "cancelled")


class Model(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class PageBox(Model):
    page: int
    box: tuple[float, float, float, float]


class Me(Model):
    """Whose key it is, and what they may do."""

    tenant: str
    user: str
    groups: list[str]
    roles: list[str]
    permissions: list[str]


# --- documents ---


class UploadedDocument(Model):
    """`duplicate`: these bytes were here already, and so are the document and its job."""

    document_id: str
    version_id: str
    job_id: str
    filename: str
    duplicate: bool
    links: dict[str, str]


class UploadedBundle(Model):
    bundle_id: str
    job_id: str
    filename: str
    links: dict[str, str]


class Uploaded(Model):
    documents: list[UploadedDocument]
    bundles: list[UploadedBundle]


class Version(Model):
    id: str
    sha256: str
    size_bytes: int
    media_type: str
    filename: str
    pages: int | None
    chunks: int | None
    pii_counts: dict[str, int]
    pii_policy: str
    pii_recognisers: str
    created_at: datetime


class Document(Model):
    id: str
    collection_id: str
    title: str
    status: DocumentStatus
    readers: list[str]
    metadata: dict[str, str]
    active_version_id: str | None
    latest_version: Version
    created_at: datetime
    updated_at: datetime


class DocumentPage(Model):
    documents: list[Document]
    next_cursor: str | None


class Deleted(Model):
    document_id: str
    job_id: str
    erasure_id: str
    links: dict[str, str]


class Chunk(Model):
    """`start` and `end` are characters in the canonical text of the version that answers."""

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


class ChunkPage(Model):
    chunks: list[Chunk]
    next_cursor: str | None


# --- collections ---


class Collection(Model):
    id: str
    name: str
    embedding_model: str
    chunker: str
    retention_days: int | None
    readers: list[str] | None
    created_at: datetime


class CollectionList(Model):
    collections: list[Collection]


# --- jobs ---


class JobStep(Model):
    id: str
    status: Literal["running", "succeeded", "retrying", "failed"]
    attempts: int
    started_at: datetime
    ended_at: datetime | None
    retry_at: datetime | None
    output: dict[str, int | str] | None


class Progress(Model):
    """`eta_s`: seconds left of this stage."""

    done: int
    total: int
    unit: str
    eta_s: float | None


class JobError(Model):
    code: str
    detail: str


class Job(Model):
    id: str
    kind: str
    status: JobStatus
    document_id: str | None
    version_id: str | None
    steps: list[JobStep]
    steps_done: int
    steps_total: int | None
    progress: Progress | None
    error: JobError | None
    created_at: datetime
    updated_at: datetime

    @property
    def ended(self) -> bool:
        return self.status in ENDED


class JobPage(Model):
    jobs: list[Job]
    next_cursor: str | None


# --- questions ---


class Scores(Model):
    dense: float | None
    keyword: float | None
    fused: float | None
    rerank: float | None


class Passage(Model):
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


class Passages(Model):
    passages: list[Passage]
    degraded: list[str]


class Citation(Model):
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


class Answer(Model):
    """`abstained`: the documents do not answer the question, and nothing is cited."""

    id: str
    text: str
    citations: list[Citation]
    grounded: bool
    abstained: bool
    degraded: list[str]
    cache: str
    model: str
    timings_ms: dict[str, float]
    confidence: float | None
    unsupported: list[str]
    conversation_id: str | None
    standalone: str | None


class Conversation(Model):
    id: str
    turns: int
    created_at: datetime
    updated_at: datetime
