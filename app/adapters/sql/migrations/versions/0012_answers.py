"""Answers that were given, and what they were made from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "answers",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("tenant_id", sa.String, sa.ForeignKey("tenants.id"), nullable=False),
        sa.Column("user_id", sa.String, nullable=False),
        sa.Column("collection", sa.String, nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False, index=True),
        sa.Column("question", sa.Text),
        sa.Column("said", sa.JSON),
        sa.Column("manifest", sa.JSON, nullable=False),
    )
    op.create_table(
        "answer_documents",
        sa.Column("answer_id", sa.String, sa.ForeignKey("answers.id"), primary_key=True),
        sa.Column("document_id", sa.String, sa.ForeignKey("documents.id"), primary_key=True, index=True),
    )
