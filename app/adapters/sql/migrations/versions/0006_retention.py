"""How long a collection keeps its documents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("collections", sa.Column("retention_days", sa.Integer))
