"""Folders that are watched, and what became of their files."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "sources",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("tenant_id", sa.String, sa.ForeignKey("tenants.id"), nullable=False, index=True),
        sa.Column("collection_id", sa.String, sa.ForeignKey("collections.id"), nullable=False, index=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("readers", sa.JSON),
        sa.Column("user_id", sa.String, nullable=False),
        sa.Column("interval_s", sa.Integer, nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("next_at", sa.String(32), nullable=False),
        sa.Column("removing", sa.Boolean, nullable=False),
        sa.Column("accept_removals", sa.Boolean, nullable=False),
        sa.Column("last_at", sa.String(32)),
        sa.Column("last_counts", sa.JSON, nullable=False),
    )
    op.create_table(
        "source_files",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("source_id", sa.String, sa.ForeignKey("sources.id"), nullable=False, index=True),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("mtime_ns", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("document_id", sa.String, index=True),
        sa.Column("problem", sa.JSON),
    )
    op.add_column("jobs", sa.Column("source_id", sa.String))
    op.add_column("jobs", sa.Column("user_id", sa.String))
