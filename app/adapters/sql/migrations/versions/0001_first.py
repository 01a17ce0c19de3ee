"""The first schema: tenants, keys, collections, documents, chunks, jobs, outbox, keyword rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

text, string, integer = sa.Text, sa.String, sa.Integer
TIME = sa.String(32)


def _key(name: str = "id") -> sa.Column:
    return sa.Column(name, string, primary_key=True)


def _to(name: str, target: str, *, key: bool = False, index: bool = False) -> sa.Column:
    return sa.Column(name, string, sa.ForeignKey(target), nullable=False, primary_key=key, index=index)


def _must(name: str, kind: sa.types.TypeEngine) -> sa.Column:
    return sa.Column(name, kind, nullable=False)


def upgrade() -> None:
    op.create_table("tenants", _key(), _must("name", string), _must("created_at", TIME))
    op.create_table(
        "api_keys",
        _key(),
        _to("tenant_id", "tenants.id", index=True),
        _must("name", string),
        sa.Column("secret_sha256", string, nullable=False, unique=True),
        _must("user_id", string),
        _must("groups", sa.JSON),
        _must("roles", sa.JSON),
        _must("created_at", TIME),
    )
    op.create_table(
        "collections",
        _key(),
        _to("tenant_id", "tenants.id"),
        _must("name", string),
        _must("active_generation_id", string),
        _must("revision", integer),
        _must("created_at", TIME),
        sa.UniqueConstraint("tenant_id", "name"),
    )
    op.create_table(
        "generations",
        _key(),
        _to("collection_id", "collections.id", index=True),
        _must("embedding_model", string),
        _must("dimensions", integer),
        _must("chunker", string),
    )
    op.create_table(
        "documents",
        _key(),
        _to("tenant_id", "tenants.id"),
        _to("collection_id", "collections.id", index=True),
        _must("title", text),
        _must("details", sa.JSON),
        _must("latest_version_id", string),
        sa.Column("active_version_id", string, unique=True),
        _must("created_at", TIME),
        _must("updated_at", TIME),
        sa.Column("deleted_at", TIME),
        sa.Index("documents_by_time", "tenant_id", "created_at", "id"),
    )
    op.create_table(
        "document_readers", _to("document_id", "documents.id", key=True), sa.Column("subject", string, primary_key=True)
    )
    op.create_table(
        "versions",
        _key(),
        _to("document_id", "documents.id", index=True),
        sa.Column("sha256", string, nullable=False, index=True),
        _must("size_bytes", sa.BigInteger),
        _must("media_type", string),
        _must("filename", text),
        _must("blob_key", string),
        _must("created_at", TIME),
        sa.Column("pages", integer),
        sa.Column("chunks", integer),
        _must("pii_counts", sa.JSON),
    )
    op.create_table(
        "chunks",
        _key(),
        _to("version_id", "versions.id"),
        _must("chunker", string),
        _must("ordinal", integer),
        _must("text", text),
        _must("start", integer),
        _must("end", integer),
        _must("heading_path", sa.JSON),
        _must("regions", sa.JSON),
        _must("token_count", integer),
        sa.Index("chunks_in_order", "version_id", "chunker", "ordinal", unique=True),
    )
    op.create_table(
        "jobs",
        _key(),
        _to("tenant_id", "tenants.id"),
        _must("kind", string),
        _must("status", string),
        _to("document_id", "documents.id", index=True),
        sa.Column("version_id", string, index=True),
        _must("run", integer),
        sa.Column("progress", sa.JSON(none_as_null=True)),
        sa.Column("error", sa.JSON(none_as_null=True)),
        _must("created_at", TIME),
        _must("updated_at", TIME),
        sa.Index("jobs_by_time", "tenant_id", "created_at", "id"),
    )
    op.create_table(
        "job_steps",
        _to("job_id", "jobs.id", key=True),
        sa.Column("step_id", string, primary_key=True),
        _must("position", integer),
        _must("status", string),
        _must("attempts", integer),
        _must("started_at", TIME),
        sa.Column("ended_at", TIME),
        sa.Column("output", sa.JSON(none_as_null=True)),
    )
    op.create_table(
        "job_events",
        _to("job_id", "jobs.id", key=True),
        sa.Column("sequence", integer, primary_key=True, autoincrement=False),
        _must("name", string),
        _must("data", sa.JSON),
        _must("at", TIME),
    )
    op.create_table("outbox", _key(), _must("name", string), _must("data", sa.JSON), _must("created_at", TIME))
    op.create_table(
        "idempotency_keys",
        _key("tenant_id"),
        _key("user_id"),
        _key("key"),
        _must("request_sha256", string),
        _must("status", integer),
        _must("body", text),
        _must("created_at", TIME),
    )
    _keyword_index()


def _keyword_index() -> None:
    """Not a table of the models: each database has its own full text."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TABLE keyword_rows (id INTEGER PRIMARY KEY, chunk_id TEXT NOT NULL UNIQUE,"
            " version_id TEXT NOT NULL, collection_id TEXT NOT NULL)"
        )
        op.execute(
            "CREATE VIRTUAL TABLE keyword_text USING fts5(text, tokenize = 'porter unicode61 remove_diacritics 2')"
        )
    else:
        op.execute(
            "CREATE TABLE keyword_rows (chunk_id TEXT PRIMARY KEY, version_id TEXT NOT NULL,"
            " collection_id TEXT NOT NULL, text TSVECTOR NOT NULL)"
        )
        op.execute("CREATE INDEX keyword_rows_text ON keyword_rows USING gin (text)")
    op.execute("CREATE INDEX keyword_rows_version ON keyword_rows (version_id)")
    op.execute("CREATE INDEX keyword_rows_collection ON keyword_rows (collection_id)")
