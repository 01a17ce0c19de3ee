"""Values that were taken out of documents and may be shown again, encrypted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

_SEEN = "current_setting('cairn.tenant', true) = '*' OR EXISTS (SELECT 1 FROM versions WHERE versions.id = version_id)"


def upgrade() -> None:
    op.create_table(
        "sealed_values",
        sa.Column("version_id", sa.String, sa.ForeignKey("versions.id"), primary_key=True),
        sa.Column("placeholder", sa.String, primary_key=True),
        sa.Column("sealed", sa.Text, nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":  # as migration 0018 does for what is part of a version
        op.execute("ALTER TABLE sealed_values ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE sealed_values FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY by_tenant ON sealed_values USING ({_SEEN}) WITH CHECK ({_SEEN})")
