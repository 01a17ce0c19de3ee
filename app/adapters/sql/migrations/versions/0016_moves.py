"""A scope of the keyword index counts the rows that went: what is known of where its rows lie holds until then."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    op.execute("ALTER TABLE keyword_scopes ADD COLUMN moves INTEGER NOT NULL DEFAULT 0")
    op.execute(
        "CREATE TRIGGER keyword_rows_move AFTER DELETE ON keyword_rows"
        " BEGIN UPDATE keyword_scopes SET moves = moves + 1 WHERE id = OLD.id >> 32; END"
    )
