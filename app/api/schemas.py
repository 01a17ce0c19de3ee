"""Shapes that clients rely on: JSON in snake_case, times RFC 3339 in UTC, pages from 1, boxes [x0, y0, x1, y1] in points.

A shape reads its fields off the product's own types by name (`Document.model_validate(document)`); where the names
differ, the field says where it looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AliasPath, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from app.services.bundles import BundleReceipt
from app.services.documents import Receipt
from pipelines.domain import documents, jobs
from pipelines.domain.answering import Task, Unsupported


class Schema(BaseModel):
    model_config = ConfigDict(extra="forbid", from_attributes=True)

    @classmethod
    def each(cls, found: Iterable[object]) -> list[Self]:
        return [cls.model_validate(one) for one in found]


def at(*path: str) -> Any:
    return Field(validation_alias=AliasPath(*path))


class FieldProblem(Schema):
    field: str
    detail: str


class Problem(Schema):
    """RFC 9457; `code` is stable."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    instance: str
    errors: list[FieldProblem] | None = None


class Signature(Schema):
    algorithm: str
    key_id: str
    value: str = Field(description="base64, over the statement's canonical JSON (RFC 8785)")


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


class UploadedBundle(Schema):
    bundle_id: str
    job_id: str
    filename: str
    links: dict[str, str]

    @classmethod
    def of(cls, receipt: BundleReceipt) -> Self:
        links = {"bundle": f"/v1/bundles/{receipt.bundle_id}", **job_links(receipt.job_id)}
        return cls(bundle_id=receipt.bundle_id, job_id=receipt.job_id, filename=receipt.filename, links=links)


class Uploaded(Schema):
    documents: list[UploadedDocument] = []
    bundles: list[UploadedBundle] = Field(default=[], description="with unpack: its job makes a document of each file")


class Version(Schema):
    id: str
    sha256: str
    size_bytes: int
    media_type: str
    filename: str
    pages: int | None
    chunks: int | None
    pii_counts: Mapping[str, int] = at("pii", "counts")
    pii_policy: str = at("pii", "policy")
    pii_recognisers: str = at("pii", "recognisers")
    created_at: datetime


class VersionList(Schema):
    versions: list[Version]


class Document(Schema):
    id: str
    collection_id: str
    title: str
    status: documents.DocumentStatus
    readers: Sorted
    metadata: Mapping[str, str]
    active_version_id: str | None
    latest_version: Version = at("latest")
    created_at: datetime
    updated_at: datetime


class DocumentPage(Schema):
    documents: list[Document]
    next_cursor: str | None = Field(description="pass it as `cursor` to read on; null at the end")


class DocumentChange(Schema):
    """What is to be changed of a document; what is left out stays as it is."""

    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)] | None = None
    readers: list[str] | None = Field(None, min_length=1, description="user:NAME, group:NAME or everyone; and you")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.title is None and self.readers is None:
            raise ValueError("give title or readers")
        return self


class Deleted(Schema):
    document_id: str
    job_id: str
    erasure_id: str
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
    chunker: str | None = None
    readers: list[str] | None = Field(
        None, min_length=1, description="of documents that name none: user:NAME, group:NAME; null: everyone"
    )


class Calibration(Schema):
    """From this confidence on questions are answered: at most a share `risk` of them wrongly, with probability `certainty`."""

    threshold: float
    risk: float
    certainty: float
    generation_id: str
    model: str
    questions: int
    answered: int
    wrong: int
    at: datetime


class Answering(Schema):
    """How the collection's questions are answered."""

    unsupported: Unsupported
    task: Task | None
    calibration: Calibration | None


class Collection(Schema):
    id: str
    name: str
    embedding_model: str = at("active_generation", "embedding_model")
    chunker: str = at("active_generation", "method")
    retention_days: int | None = Field(
        description="documents are deleted so long after their newest upload; null: never"
    )
    readers: Sorted | None = Field(description="of documents that name none, besides who uploads; null: everyone")
    answering: Answering
    created_at: datetime


class AnsweringChange(Schema):
    unsupported: Unsupported = Field(Unsupported.DROP, description="what becomes of a sentence that no passage holds")
    task: Task | None = Field(None, description="what is wanted of every answer; null: each question says by itself")
    calibration: None = Field(None, description="null: the threshold goes, until the next calibration")


class CollectionChange(Schema):
    """What is to be changed of a collection; what is left out stays as it is."""

    retention_days: int | None = Field(
        None, ge=1, le=36_500, description="null: documents are kept until they are deleted"
    )
    readers: list[str] | None = Field(
        None, min_length=1, description="of documents that come in later and name none; null: everyone"
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("give retention_days or readers")
        return self


class Applied(Schema):
    deleted: int


class CacheLevel(Schema):
    name: str
    entries: int
    bytes: int
    limit_bytes: int = Field(description="of all tenants together")


class Caches(Schema):
    levels: list[CacheLevel]


class Cleared(Schema):
    removed: int


class Reindex(Schema):
    """What new collections get, where nothing is said."""

    embedding_model: str | None = Field(default=None, description="all-MiniLM-L6-v2, or ollama/NAME")
    chunker: str | None = None


class GoldenSetSize(Schema):
    questions: int


class CollectionList(Schema):
    collections: list[Collection]


# --- jobs ---


class JobStep(Schema):
    id: str
    status: jobs.StepStatus
    attempts: int
    started_at: datetime
    ended_at: datetime | None
    retry_at: datetime | None = Field(description="when the next attempt comes")
    output: Mapping[str, int | str] | None


class Progress(Schema):
    done: int
    total: int
    unit: str
    eta_s: float | None = Field(description="seconds left of this stage, at its pace so far")


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
    source_id: str | None
    bundle_id: str | None
    evaluation_id: str | None
    run: int
    steps: list[JobStep]
    steps_done: int
    steps_total: int | None = Field(description="null while it cannot be told")
    progress: Progress | None
    error: JobError | None
    created_at: datetime
    updated_at: datetime


class JobPage(Schema):
    jobs: list[Job]
    next_cursor: str | None


# --- health ---


class Readiness(Schema):
    ready: bool
    dependencies: Mapping[str, str]
