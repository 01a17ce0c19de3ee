"""A permission to delete any number of documents is for one pass over a source."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.drop_column("sources", "accept_removals")
    op.add_column("sources", sa.Column("trusted_run", sa.Integer))
