"""The rights of a role on PostgreSQL that serves and owns nothing: it cannot change the schema, nor the past.

Its owner brings the schema up to date; the role reads and writes rows, within row-level security, and only adds to the audit log.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from app.adapters.sql.audit import APPENDED


def grant(connection: Connection, role: str) -> None:
    """As the owner of the tables. The role must be there: LOGIN, neither SUPERUSER nor BYPASSRLS nor the owner."""
    name = connection.dialect.identifier_preparer.quote_identifier(role)
    connection.execute(text(f"GRANT USAGE ON SCHEMA public TO {name}"))
    connection.execute(text(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}"))
    connection.execute(text(f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {name}"))
    for table, rights in APPENDED.items():
        if connection.execute(text("SELECT to_regclass(:table)"), {"table": table}).scalar():
            connection.execute(text(f"REVOKE {rights} ON {table} FROM {name}"))


def revoke(connection: Connection, role: str) -> None:
    """The role has no right here any more."""
    name = connection.dialect.identifier_preparer.quote_identifier(role)
    connection.execute(text(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {name}"))
    connection.execute(text(f"REVOKE ALL ON SCHEMA public FROM {name}"))
