"""How a collection's questions are answered, and what evaluations found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("collections", sa.Column("answering", sa.JSON))
    op.add_column("jobs", sa.Column("evaluation_id", sa.String))
    op.create_table(
        "evaluations",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("tenant_id", sa.String, sa.ForeignKey("tenants.id"), nullable=False),
        sa.Column("collection_id", sa.String, sa.ForeignKey("collections.id"), nullable=False, index=True),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("asker", sa.JSON, nullable=False),
        sa.Column("questions", sa.JSON, nullable=False),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("scores", sa.JSON),
    )
    op.create_table(
        "evaluation_results",
        sa.Column("evaluation_id", sa.String, sa.ForeignKey("evaluations.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("measures", sa.JSON, nullable=False),
    )
