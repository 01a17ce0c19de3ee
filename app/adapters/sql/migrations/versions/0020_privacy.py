"""A collection's policy for personal data, and what each version was redacted by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.add_column("collections", sa.Column("pii", sa.JSON))
    op.add_column("versions", sa.Column("pii_policy", sa.String))
    op.add_column("versions", sa.Column("pii_recognisers", sa.String))
