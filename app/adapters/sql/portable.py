"""Every row of the catalog and the audit log as lines of JSON: out of one database, into another of either kind.

Indexes are not among them: they are derived. One file a table, compressed, rows in the order that foreign keys want.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, func, select, text
from sqlmodel import SQLModel

from app.adapters.sql.audit import SqlAuditLog
from app.adapters.sql.catalog import SqlCatalog

_BATCH = 1_000
_AUDIT = "audit_rows", "audit_heads"
_REVISION = text("SELECT version_num FROM alembic_version")


@dataclass(frozen=True, slots=True)
class SqlRecords:
    """Records of app/services/recovery.py."""

    catalog: SqlCatalog
    audit: SqlAuditLog

    def revision(self) -> str:
        with self.catalog.snapshot() as connection:
            return str(connection.execute(_REVISION).scalar_one())

    def empty(self) -> bool:
        """Whether nobody is there yet."""
        with self.catalog.snapshot() as connection:
            tenants = SQLModel.metadata.tables["tenants"]
            return connection.execute(select(func.count()).select_from(tenants)).scalar_one() == 0

    def write(self, folder: Path) -> dict[str, int]:
        """All rows as they are at one moment, the audit log's a moment later; how many of each table."""
        counts = {}
        with self.audit.connection() as log, self.catalog.snapshot() as connection:
            for table in SQLModel.metadata.sorted_tables:
                counts[table.name] = _write(folder, table.name, _rows(connection, table))
            for name in _AUDIT:
                found = log.execution_options(stream_results=True).execute(text(f"SELECT * FROM {name}"))  # noqa: S608 - ours
                counts[name] = _write(folder, name, (dict(row) for row in found.mappings()))
        return counts

    def read(self, folder: Path) -> dict[str, int]:
        """Puts them into an empty database, all or none; how many of each table."""
        counts = {}
        with self.audit.connection() as log, self.catalog.connection() as connection:
            if self.catalog.is_sqlite:
                connection.execute(text("PRAGMA defer_foreign_keys=ON"))
            for table in SQLModel.metadata.sorted_tables:
                counts[table.name] = 0
                for batch in _batches(_decoded(table, row) for row in lines(folder, table.name)):
                    connection.execute(table.insert(), batch)
                    counts[table.name] += len(batch)
            for name in _AUDIT:
                counts[name] = 0
                for batch in _batches(lines(folder, name)):
                    columns = list(batch[0])
                    values = ", ".join(f":{column}" for column in columns)
                    log.execute(text(f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({values})"), batch)  # noqa: S608 - ours
                    counts[name] += len(batch)
        return counts


def lines(folder: Path, table: str) -> Iterator[dict[str, Any]]:
    """A table's rows as they were written."""
    with gzip.open(folder / f"{table}.jsonl.gz", "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def _rows(connection: Connection, table: Table) -> Iterator[dict[str, Any]]:
    found = connection.execution_options(yield_per=_BATCH).execute(select(table))
    with closing(found):
        yield from (dict(row) for row in found.mappings())


def _write(folder: Path, table: str, rows: Iterable[dict[str, Any]]) -> int:
    number = 0
    with gzip.open(folder / f"{table}.jsonl.gz", "wt", encoding="utf-8", compresslevel=3) as file:
        for row in rows:
            file.write(json.dumps(row, default=_encoded, ensure_ascii=False) + "\n")
            number += 1
    return number


def _encoded(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(value).decode()
    raise TypeError(type(value).__name__)


def _decoded(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """Raises KeyError for a column that the table has not."""
    return {name: _as(table.columns[name].type.python_type, value) for name, value in row.items()}


def _as(kind: type, value: Any) -> Any:
    if value is None:
        return None
    if kind is datetime:
        return datetime.fromisoformat(value)
    return base64.b64decode(value) if kind is bytes else value


def _batches(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, _BATCH)):
        yield batch
