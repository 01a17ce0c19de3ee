"""Receipts of erasures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("tenant_id", sa.String, sa.ForeignKey("tenants.id"), nullable=False),
        sa.Column("document_id", sa.String, sa.ForeignKey("documents.id"), nullable=False, unique=True),
        sa.Column("requested_at", sa.String(32), nullable=False),
        sa.Column("versions", sa.JSON, nullable=False),
        sa.Column("statement", sa.JSON),
        sa.Column("signature", sa.JSON),
    )
