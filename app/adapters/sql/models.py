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


class CollectionRow(SQLModel, table=True):
    __tablename__ = "collections"
    __table_args__ = (UniqueConstraint("tenant_id", "name"),)
    id: str = Field(primary_key=True)
    tenant_id: str = _to("tenants.id", index=False)
    name: str
    active_generation_id: str
    revision: int
    created_at: datetime = _time()


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
