"""The catalog's tables. Migrations write them; this is how the code sees them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel


class UtcTime(TypeDecorator[datetime]):
    """RFC 3339 text in UTC, to the microsecond: sorts as time in every database."""

    impl = String(32)
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        return datetime

    def process_bind_param(self, value: datetime | None, dialect: Any) -> str | None:  # noqa: ARG002
        return None if value is None else value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: str | None, dialect: Any) -> datetime | None:  # noqa: ARG002
        return None if value is None else datetime.fromisoformat(value)


def _time(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(UtcTime, nullable=nullable)) if nullable else Field(sa_type=UtcTime)


def _json() -> Any:
    return Field(sa_type=JSON)


def _text() -> Any:
    return Field(sa_type=Text)


def _to(target: str, *, index: bool = True) -> Any:
    return Field(foreign_key=target, index=index)


class TenantRow(SQLModel, table=True):
    __tablename__ = "tenants"
    id: str = Field(primary_key=True)
    name: str
    created_at: datetime = _time()


class ApiKeyRow(SQLModel, table=True):
    __tablename__ = "api_keys"
    id: str = Field(primary_key=True)
    tenant_id: str = _to("tenants.id")
    name: str
    secret_sha256: str = Field(unique=True)
    user_id: str
    groups: list[str] = _json()
    roles: list[str] = _json()
    created_at: datetime = _time()
    expires_at: datetime | None = _time(nullable=True)
    revoked_at: datetime | None = _time(nullable=True)
    last_used_at: datetime | None = _time(nullable=True)


class CollectionRow(SQLModel, table=True):
    __tablename__ = "collections"
    __table_args__ = (UniqueConstraint("tenant_id", "name"),)
    id: str = Field(primary_key=True)
    tenant_id: str = _to("tenants.id", index=False)
    name: str
    active_generation_id: str
    revision: int
    created_at: datetime = _time()
    retention_days: int | None = None
    answering: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    readers: list[str] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    pii: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))


class ViewRow(SQLModel, table=True):
    __tablename__ = "collection_views"
    collection_id: str = Field(foreign_key="collections.id", primary_key=True)
    subject: str = Field(primary_key=True)
    revision: int  # grows with every change that a search of this subject's could notice


class GenerationRow(SQLModel, table=True):
    __tablename__ = "generations"
    id: str = Field(primary_key=True)
    collection_id: str = _to("collections.id")
    embedding_model: str
    dimensions: int
    chunker: str


class GenerationVersionRow(SQLModel, table=True):
    __tablename__ = "generation_versions"
    generation_id: str = Field(foreign_key="generations.id", primary_key=True)
    version_id: str = Field(primary_key=True)  # may outlive its version until the indexes are cleaned of it
    chunks: int | None = None  # None until all of them are in the indexes


class DocumentRow(SQLModel, table=True):
    __tablename__ = "documents"
    __table_args__ = (Index("documents_by_time", "tenant_id", "created_at", "id"),)
    id: str = Field(primary_key=True)
    tenant_id: str = _to("tenants.id", index=False)
    collection_id: str = _to("collections.id")
    title: str = _text()
    details: dict[str, str] = _json()  # the document's metadata; that name is taken by SQLAlchemy
    user_id: str | None = None  # whose it is: who sent it; None: not known
    latest_version_id: str
    active_version_id: str | None = Field(default=None, unique=True)
    created_at: datetime = _time()
    updated_at: datetime = _time()
    deleted_at: datetime | None = _time(nullable=True)


class ReaderRow(SQLModel, table=True):
    __tablename__ = "document_readers"
    document_id: str = Field(foreign_key="documents.id", primary_key=True)
    subject: str = Field(primary_key=True)


class VersionRow(SQLModel, table=True):
    __tablename__ = "versions"
    id: str = Field(primary_key=True)
    document_id: str = _to("documents.id")
    sha256: str = Field(index=True)
    size_bytes: int = Field(sa_type=BigInteger)
    media_type: str
    filename: str = _text()
    blob_key: str
    created_at: datetime = _time()
    pages: int | None = None
    chunks: int | None = None
    pii_counts: dict[str, int] = _json()
    pii_policy: str | None = None
    pii_recognisers: str | None = None


class SealedRow(SQLModel, table=True):
    __tablename__ = "sealed_values"
    version_id: str = Field(foreign_key="versions.id", primary_key=True)
    placeholder: str = Field(primary_key=True)
    sealed: str = _text()  # base64 of a nonce and what AES-GCM made of the value


class ChunkRow(SQLModel, table=True):
    __tablename__ = "chunks"
    __table_args__ = (Index("chunks_in_order", "version_id", "chunker", "ordinal", unique=True),)
    id: str = Field(primary_key=True)
    version_id: str = Field(sa_column=Column(String, ForeignKey("versions.id"), nullable=False))
    chunker: str
    ordinal: int
    text: str = _text()
    start: int
    end: int
    heading_path: list[str] = _json()
    regions: list[list[float]] = _json()  # [start, end, page, x0, y0, x1, y1]
    token_count: int


class JobRow(SQLModel, table=True):
    __tablename__ = "jobs"
    __table_args__ = (Index("jobs_by_time", "tenant_id", "created_at", "id"),)
    id: str = Field(primary_key=True)
    tenant_id: str = _to("tenants.id", index=False)
    kind: str
    status: str
    document_id: str | None = Field(default=None, foreign_key="documents.id", index=True)
    version_id: str | None = Field(default=None, index=True)
    collection_id: str | None = Field(default=None, foreign_key="collections.id", index=True)
    generation_id: str | None = None  # which may be gone
    source_id: str | None = None  # which may be gone
    bundle_id: str | None = None  # which may be gone
    evaluation_id: str | None = None
    user_id: str | None = None
    run: int
    progress: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    error: dict[str, str] | None = Field(default=None, sa_type=JSON)
    created_at: datetime = _time()
    updated_at: datetime = _time()


class JobStepRow(SQLModel, table=True):
    __tablename__ = "job_steps"
    job_id: str = Field(foreign_key="jobs.id", primary_key=True)
    step_id: str = Field(primary_key=True)
    position: int
    status: str
    attempts: int
    started_at: datetime = _time()
    ended_at: datetime | None = _time(nullable=True)
    retry_at: datetime | None = _time(nullable=True)
    output: dict[str, Any] | None = Field(default=None, sa_type=JSON)


class JobEventRow(SQLModel, table=True):
    __tablename__ = "job_events"
    job_id: str = Field(foreign_key="jobs.id", primary_key=True)
    sequence: int = Field(primary_key=True)
    name: str
    data: dict[str, Any] = _json()
    at: datetime = _time()


class OutboxRow(SQLModel, table=True):
    __tablename__ = "outbox"
    id: str = Field(primary_key=True)
    name: str
    data: dict[str, Any] = _json()
    created_at: datetime = _time()


class IdempotencyRow(SQLModel, table=True):
    __tablename__ = "idempotency_keys"
    tenant_id: str = Field(primary_key=True)
    user_id: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    request_sha256: str
    status: int
    body: str = _text()
    created_at: datetime = _time()


class ErasureRow(SQLModel, table=True):
    __tablename__ = "erasures"
    id: str = Field(primary_key=True)
    tenant_id: str = _to("tenants.id", index=False)
    document_id: str = Field(foreign_key="documents.id", unique=True)
    requested_at: datetime = _time()
    order_id: str | None = Field(default=None, index=True)
    versions: list[list[str]] = _json()  # [id, sha256 of the original]
    statement: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    signature: list[str] | None = Field(
        default=None, sa_column=Column(JSON(none_as_null=True))
    )  # [algorithm, key id, value]


class ErasureOrderRow(SQLModel, table=True):
    __tablename__ = "erasure_orders"
    id: str = Field(primary_key=True)
    tenant_id: str = _to("tenants.id", index=False)
    user_id: str | None = None
    asked_by: str
    requested_at: datetime = _time()
    removed: dict[str, int] = _json()


class GoldenQuestionRow(SQLModel, table=True):
    __tablename__ = "golden_questions"
    collection_id: str = Field(foreign_key="collections.id", primary_key=True)
    position: int = Field(primary_key=True)
    question: str = _text()
    answer: str | None = Field(default=None, sa_type=Text)
    evidence: list[list[Any]] = _json()  # [document, page, quote]


class AnswerRow(SQLModel, table=True):
    __tablename__ = "answers"
    id: str = Field(primary_key=True)
    tenant_id: str = _to("tenants.id", index=False)
    user_id: str
    collection: str
    created_at: datetime = Field(sa_column=Column(UtcTime, nullable=False, index=True))
    question: str | None = Field(default=None, sa_type=Text)
    said: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    manifest: dict[str, Any] = _json()


class AnswerDocumentRow(SQLModel, table=True):
    __tablename__ = "answer_documents"
    answer_id: str = Field(foreign_key="answers.id", primary_key=True)
    document_id: str = Field(foreign_key="documents.id", primary_key=True, index=True)


class EvaluationRow(SQLModel, table=True):
    __tablename__ = "evaluations"
    id: str = Field(primary_key=True)
    tenant_id: str = _to("tenants.id", index=False)
    collection_id: str = _to("collections.id")
    created_at: datetime = _time()
    asker: dict[str, Any] = _json()
    questions: list[dict[str, Any]] = _json()
    settings: dict[str, str] = _json()
    scores: dict[str, float] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))


class EvaluationResultRow(SQLModel, table=True):
    __tablename__ = "evaluation_results"
    evaluation_id: str = Field(foreign_key="evaluations.id", primary_key=True)
    position: int = Field(primary_key=True)
    measures: dict[str, float] = _json()


class SourceRow(SQLModel, table=True):
    __tablename__ = "sources"
    id: str = Field(primary_key=True)
    tenant_id: str = _to("tenants.id")
    collection_id: str = _to("collections.id")
    kind: str
    path: str = _text()
    readers: list[str] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    user_id: str
    interval_s: int
    created_at: datetime = _time()
    next_at: datetime = _time()
    removing: bool = False
    last_at: datetime | None = _time(nullable=True)
    last_counts: dict[str, int] = _json()
    trusted_run: int | None = None
    memory: str = _text()


class SourceFileRow(SQLModel, table=True):
    __tablename__ = "source_files"
    id: str = Field(primary_key=True)
    source_id: str = _to("sources.id")
    path: str = _text()
    size_bytes: int = Field(sa_type=BigInteger)
    mtime_ns: int = Field(sa_type=BigInteger)
    sha256: str
    document_id: str | None = Field(default=None, index=True)  # named here before it is written
    problem: dict[str, str] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    etag: str = ""


class BundleRow(SQLModel, table=True):
    __tablename__ = "bundles"
    id: str = Field(primary_key=True)
    tenant_id: str = _to("tenants.id")
    collection_id: str = _to("collections.id")
    user_id: str
    readers: list[str] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    details: dict[str, str] = _json()
    filename: str = _text()
    sha256: str
    size_bytes: int = Field(sa_type=BigInteger)
    created_at: datetime = _time()


class BundleFileRow(SQLModel, table=True):
    __tablename__ = "bundle_files"
    bundle_id: str = Field(foreign_key="bundles.id", primary_key=True)
    position: int = Field(primary_key=True)
    path: str = _text()
    document_id: str | None = Field(default=None, index=True)
    version_id: str | None = None
    duplicate: bool = False
    problem: dict[str, str] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))


class ConversationRow(SQLModel, table=True):
    __tablename__ = "conversations"
    __table_args__ = (Index("conversations_by_time", "tenant_id", "user_id", "updated_at", "id"),)
    id: str = Field(primary_key=True)
    tenant_id: str = _to("tenants.id", index=False)
    user_id: str
    created_at: datetime = _time()
    updated_at: datetime = _time()


class TurnRow(SQLModel, table=True):
    __tablename__ = "turns"
    conversation_id: str = Field(foreign_key="conversations.id", primary_key=True)
    position: int = Field(primary_key=True)
    question: str = _text()
    standalone: str = _text()
    answer: str = _text()
    answer_id: str
    citations: list[list[Any]] = _json()  # [number, document, version, chunk, page]
    created_at: datetime = _time()


class TurnDocumentRow(SQLModel, table=True):
    __tablename__ = "turn_documents"
    conversation_id: str = Field(foreign_key="conversations.id", primary_key=True)
    position: int = Field(primary_key=True)
    document_id: str = Field(foreign_key="documents.id", primary_key=True, index=True)


class FeedbackRow(SQLModel, table=True):
    __tablename__ = "feedback"
    __table_args__ = (Index("feedback_by_time", "tenant_id", "created_at", "id"),)
    id: str = Field(primary_key=True)
    tenant_id: str = _to("tenants.id", index=False)
    user_id: str
    answer_id: str
    thumb: str | None = None
    score: int | None = None
    comment: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = _time()
