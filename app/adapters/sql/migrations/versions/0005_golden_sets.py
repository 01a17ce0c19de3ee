"""Golden sets; and the keyword index knows which chunker a row is of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "golden_questions",
        sa.Column("collection_id", sa.String, sa.ForeignKey("collections.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("answer", sa.Text),
        sa.Column("evidence", sa.JSON, nullable=False),
    )
    op.add_column("keyword_rows", sa.Column("chunker", sa.String, nullable=False, server_default=""))
    op.execute(
        "UPDATE keyword_rows SET chunker = coalesce((SELECT chunker FROM chunks WHERE chunks.id = chunk_id), '')"
    )
