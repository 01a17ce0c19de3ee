"""What a source remembers between two passes, and its own marks of its files."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.add_column("sources", sa.Column("memory", sa.Text, nullable=False, server_default=""))
    op.add_column("source_files", sa.Column("etag", sa.String, nullable=False, server_default=""))
