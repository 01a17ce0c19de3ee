"""Documents say whose they are; a person's or a tenant's are erased by one order, and each erasure says which."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.add_column("documents", sa.Column("user_id", sa.String, nullable=True))
    op.add_column("erasures", sa.Column("order_id", sa.String, nullable=True))
    op.create_index("ix_erasures_order_id", "erasures", ["order_id"])
    op.create_table(
        "erasure_orders",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("tenant_id", sa.String, sa.ForeignKey("tenants.id"), nullable=False),
        sa.Column("user_id", sa.String, nullable=True),
        sa.Column("asked_by", sa.String, nullable=False),
        sa.Column("requested_at", sa.String(32), nullable=False),
        sa.Column("removed", sa.JSON, nullable=False),
    )
    # Who uploads a document is one of its readers: where it is the only person among them, it is theirs.
    op.execute(
        "UPDATE documents SET user_id = (SELECT substr(min(subject), 6) FROM document_readers"
        " WHERE document_id = documents.id AND subject LIKE 'user:%' GROUP BY document_id HAVING count(*) = 1)"
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE erasure_orders ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE erasure_orders FORCE ROW LEVEL SECURITY")
        op.execute(
            "CREATE POLICY by_tenant ON erasure_orders USING (current_setting('cairn.tenant', true) = '*'"
            " OR tenant_id = current_setting('cairn.tenant', true))"
        )
