"""Rows of the keyword index lie together by collection and chunker, so that others neither cost nor count."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    for statement in (
        "CREATE TABLE keyword_scopes (id INTEGER PRIMARY KEY, collection_id TEXT NOT NULL, chunker TEXT NOT NULL,"
        " UNIQUE (collection_id, chunker))",
        "INSERT INTO keyword_scopes (collection_id, chunker) SELECT DISTINCT collection_id, chunker FROM keyword_rows",
        "ALTER TABLE keyword_rows RENAME TO keyword_rows_before",
        "ALTER TABLE keyword_text RENAME TO keyword_text_before",
        "CREATE TABLE keyword_rows (id INTEGER PRIMARY KEY, chunk_id TEXT NOT NULL UNIQUE, version_id TEXT NOT NULL)",
        "CREATE VIRTUAL TABLE keyword_text USING fts5(text, tokenize = 'porter unicode61 remove_diacritics 2')",
        "INSERT INTO keyword_rows (id, chunk_id, version_id)"
        " SELECT (scope.id << 32) + kept.id, chunk_id, version_id FROM keyword_rows_before AS kept"
        " JOIN keyword_scopes AS scope USING (collection_id, chunker)",
        "INSERT INTO keyword_text (rowid, text) SELECT keyword_rows.id, text FROM keyword_rows"
        " JOIN keyword_text_before ON keyword_text_before.rowid = keyword_rows.id & 4294967295 ORDER BY keyword_rows.id",
        "DROP TABLE keyword_text_before",
        "DROP TABLE keyword_rows_before",
        "CREATE INDEX keyword_rows_version ON keyword_rows (version_id)",
    ):
        op.execute(statement)
