"""What each subject sees of a collection has a revision of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "collection_views",
        sa.Column("collection_id", sa.String, sa.ForeignKey("collections.id"), primary_key=True),
        sa.Column("subject", sa.String, primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
    )
    op.execute(
        "INSERT INTO collection_views (collection_id, subject, revision) "
        "SELECT DISTINCT documents.collection_id, document_readers.subject, 1 FROM documents "
        "JOIN document_readers ON document_readers.document_id = documents.id WHERE documents.active_version_id IS NOT NULL"
    )
