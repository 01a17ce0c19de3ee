"""Archives that are unpacked into documents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "bundles",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("tenant_id", sa.String, sa.ForeignKey("tenants.id"), nullable=False, index=True),
        sa.Column("collection_id", sa.String, sa.ForeignKey("collections.id"), nullable=False, index=True),
        sa.Column("user_id", sa.String, nullable=False),
        sa.Column("readers", sa.JSON),
        sa.Column("details", sa.JSON, nullable=False),
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
    )
    op.create_table(
        "bundle_files",
        sa.Column("bundle_id", sa.String, sa.ForeignKey("bundles.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("document_id", sa.String, index=True),
        sa.Column("version_id", sa.String),
        sa.Column("duplicate", sa.Boolean, nullable=False),
        sa.Column("problem", sa.JSON),
    )
    op.add_column("jobs", sa.Column("bundle_id", sa.String))
