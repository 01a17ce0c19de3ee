"""A collection says who reads documents that come in and name nobody."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("collections", sa.Column("readers", sa.JSON, nullable=True))
