"""PostgreSQL itself shows a transaction only rows of the tenant it acts for, and who reads only documents that name it.

`cairn.tenant` is a tenant's id, or * for workflows; `cairn.subjects` what readers lists name, or nothing (see
app/adapters/sql/catalog.py). Where neither is set, there is no row. It binds whoever is no superuser and has not BYPASSRLS.
"""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"

_EVERY = "current_setting('cairn.tenant', true) = '*'"
_MINE = f"({_EVERY} OR tenant_id = current_setting('cairn.tenant', true))"
_NAMED = (
    "(coalesce(current_setting('cairn.subjects', true), '') = '' OR EXISTS (SELECT 1 FROM document_readers AS named"
    " WHERE named.document_id = documents.id"
    " AND named.subject = ANY (string_to_array(current_setting('cairn.subjects', true), E'\\x1f'))))"
)
_OF_TENANTS = (
    "api_keys collections jobs erasures answers evaluations sources bundles conversations feedback idempotency_keys"
).split()
_PARTS = {  # of rows that have a tenant, or are parts themselves
    "versions": ("document_id", "documents"),
    "chunks": ("version_id", "versions"),
    "job_steps": ("job_id", "jobs"),
    "job_events": ("job_id", "jobs"),
    "generations": ("collection_id", "collections"),
    "generation_versions": ("generation_id", "generations"),
    "collection_views": ("collection_id", "collections"),
    "golden_questions": ("collection_id", "collections"),
    "evaluation_results": ("evaluation_id", "evaluations"),
    "answer_documents": ("answer_id", "answers"),
    "turns": ("conversation_id", "conversations"),
    "turn_documents": ("conversation_id", "conversations"),
    "source_files": ("source_id", "sources"),
    "bundle_files": ("bundle_id", "bundles"),
}


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in _OF_TENANTS:
        secure(table, _MINE)
    secure("documents", f"{_MINE} AND {_NAMED}", _MINE)
    for table, (column, whole) in _PARTS.items():
        secure(table, f"{_EVERY} OR EXISTS (SELECT 1 FROM {whole} AS whole WHERE whole.id = {table}.{column})")
    # Many rows are looked at in one statement: the tenant's collections are found once.
    secure("keyword_rows", f"{_EVERY} OR collection_id IN (SELECT id FROM collections)")


def secure(table: str, seen: str, written: str | None = None) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY by_tenant ON {table} USING ({seen}) WITH CHECK ({written or seen})")
