"""Keys that end, and when they were last used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

TIME = sa.String(32)


def upgrade() -> None:
    for column in ("expires_at", "revoked_at", "last_used_at"):
        op.add_column("api_keys", sa.Column(column, TIME))
