"""The audit log: append-only tables of its own, on SQLite in a file of its own.

Acts that come while others are being written are written together, in one commit. Where none of them must be on the disk
first, SQLite writes the commit into its log, which outlives the process, and brings the log to the disk a moment later
(docs/adr/0030); PostgreSQL always waits for its disk. The database
refuses to change or delete a row, whoever asks; who can drop its triggers cannot forge the signature of the chain's end.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from pipelines.domain.audit import FIRST, Act, AuditHead, AuditRow, head_statement
from pipelines.domain.erasure import Signature
from pipelines.domain.errors import AuditUnavailable
from pipelines.ports import Signer

_WRITERS = 0x41_75_64_69_74  # the advisory lock that PostgreSQL's writers take in turn
_TABLES = (
    "CREATE TABLE IF NOT EXISTS audit_rows (tenant_id TEXT NOT NULL, number BIGINT NOT NULL, line TEXT NOT NULL,"
    " PRIMARY KEY (tenant_id, number))",
    "CREATE TABLE IF NOT EXISTS audit_heads (tenant_id TEXT PRIMARY KEY, number BIGINT NOT NULL, digest TEXT NOT NULL,"
    " signature TEXT NOT NULL)",
)
_APPEND_ONLY = {
    "sqlite": tuple(
        f"CREATE TRIGGER IF NOT EXISTS audit_no_{act.lower()} BEFORE {act} ON audit_rows"
        " BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
        for act in ("UPDATE", "DELETE")
    ),
    "postgresql": (
        "CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$",
        "CREATE OR REPLACE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_rows"
        " EXECUTE FUNCTION audit_append_only()",
    ),
}
APPENDED = {"audit_rows": "UPDATE, DELETE, TRUNCATE", "audit_heads": "DELETE, TRUNCATE"}
"""Tables that rows are only added to, and the rights that nobody who adds them needs."""

_THERE = text("SELECT count(*) FROM pg_trigger WHERE tgname = 'audit_append_only'")
_INSERT = text("INSERT INTO audit_rows (tenant_id, number, line) VALUES (:tenant_id, :number, :line)")
_ADVANCE = text(
    "INSERT INTO audit_heads (tenant_id, number, digest, signature) VALUES (:tenant_id, :number, :digest, :signature)"
    " ON CONFLICT (tenant_id) DO UPDATE SET"
    " number = excluded.number, digest = excluded.digest, signature = excluded.signature"
)
_HEAD = text("SELECT number, digest, signature FROM audit_heads WHERE tenant_id = :tenant_id")
_ROWS = text(
    "SELECT number, line FROM audit_rows WHERE tenant_id = :tenant_id AND number > :after ORDER BY number LIMIT :limit"
)


_SETTLES_AFTER_S = 0.5  # a commit that did not wait for the disk is brought there


class _Waiting(NamedTuple):
    acts: Sequence[Act]
    durable: bool
    written: asyncio.Future[None]


class SqlAuditLog:
    """AuditLog of pipelines/ports.py."""

    def __init__(self, url: str, signer: Signer, *, timeout_s: float = 10) -> None:
        """`sqlite:///FILE` or `postgresql://...`; opens nothing."""
        parsed = make_url(url)
        self._is_sqlite = parsed.get_backend_name() == "sqlite"
        self._url = parsed if self._is_sqlite else parsed.set(drivername="postgresql+psycopg")
        self._signer = signer
        self._timeout_s = timeout_s
        self._engine: Engine | None = None
        self._turn = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None
        self._settling: asyncio.Task[None] | None = None
        self._unsettled = False  # whether something is written that the disk may not have
        self._threads = ThreadPoolExecutor(
            2, "audit"
        )  # one writes, one waits for the disk: no question's work before them

    def open(self) -> None:
        """Raises AuditUnavailable."""
        given = {"timeout": self._timeout_s, "check_same_thread": False} if self._is_sqlite else {"connect_timeout": 10}
        self._engine = create_engine(
            self._url, connect_args=given, pool_pre_ping=not self._is_sqlite, hide_parameters=True
        )
        if self._is_sqlite:
            event.listen(self._engine, "connect", _prepare)
            event.listen(self._engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        try:
            with self._engine.begin() as connection:
                if not self._is_sqlite:
                    self._take_turn(connection)
                    if connection.execute(_THERE).scalar():
                        return  # a role that owns nothing may not even say so again
                for statement in (*_TABLES, *_APPEND_ONLY["sqlite" if self._is_sqlite else "postgresql"]):
                    connection.execute(text(statement))
        except SQLAlchemyError as error:
            raise AuditUnavailable(f"The audit log cannot be opened ({type(error).__name__}).") from error

    async def close(self) -> None:
        for task in (self._writer, self._settling):
            if task is not None:
                await asyncio.gather(task, return_exceptions=True)
        if self._engine is not None:
            await self._in_thread(self._engine.dispose)
        self._threads.shutdown(wait=False)

    async def record(self, acts: Sequence[Act], *, durable: bool = True) -> None:
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(acts, durable, written))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        try:
            async with asyncio.timeout(self._timeout_s):
                await asyncio.shield(written)
        except TimeoutError as error:
            raise AuditUnavailable from error

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A transaction on the log as a whole, for backups; committed on a clean exit. It reads rows and ends as they were at
        one moment, that of its first read."""
        engine = self._opened()
        if not self._is_sqlite:  # SQLite always does
            engine = engine.execution_options(isolation_level="REPEATABLE READ")
        with engine.begin() as connection:
            yield connection

    def lines(self, tenant_id: str, after: int, limit: int) -> list[tuple[int, str]]:
        with self._opened().connect() as connection:
            found = connection.execute(_ROWS, {"tenant_id": tenant_id, "after": after, "limit": limit})
            return [(number, line) for number, line in found]

    def head(self, tenant_id: str) -> AuditHead | None:
        with self._opened().connect() as connection:
            return _head(connection, tenant_id)

    async def _write(self) -> None:
        """Writes until nobody waits. What cannot be written fails those who wait for it, and no other."""
        while self._waiting:
            batch, self._waiting = self._waiting, []
            durable = any(each.durable for each in batch)
            try:
                await self._in_thread(lambda: self._append([act for each in batch for act in each.acts], durable))  # noqa: B023
            except SQLAlchemyError as error:
                failure = AuditUnavailable()
                failure.__cause__ = error
                for _, _, written in batch:
                    with suppress(asyncio.InvalidStateError):
                        written.set_exception(failure)
                        written.exception()  # who waited may have gone
            else:
                for _, _, written in batch:
                    with suppress(asyncio.InvalidStateError):
                        written.set_result(None)
                if self._is_sqlite and not durable:
                    self._unsettled = True
                    if self._settling is None or self._settling.done():
                        self._settling = asyncio.create_task(self._settle())

    async def _settle(self) -> None:
        """Brings to the disk what is written. Nobody waits for it: a checkpoint holds up no writer."""
        while self._unsettled:
            await asyncio.sleep(_SETTLES_AFTER_S)
            self._unsettled = False
            with suppress(SQLAlchemyError):  # the next one tries again
                await self._in_thread(self._checkpoint)

    def _checkpoint(self) -> None:
        with self._opened().connect() as connection:
            connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(PASSIVE)")  # type: ignore[union-attr]

    async def _in_thread(self, work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _append(self, acts: Sequence[Act], durable: bool) -> None:
        with self._turn, self._opened().connect() as connection:
            if self._is_sqlite:
                level = "FULL" if durable else "NORMAL"
                connection.connection.driver_connection.execute(f"PRAGMA synchronous={level}")  # type: ignore[union-attr]
            with connection.begin():
                self._write_rows(connection, acts)

    def _write_rows(self, connection: Connection, acts: Sequence[Act]) -> None:
        self._take_turn(connection)
        for tenant_id in dict.fromkeys(act.tenant_id for act in acts):
            head = _head(connection, tenant_id)
            number, digest = (head.number, head.digest) if head else (0, FIRST)
            rows = []
            for act in (act for act in acts if act.tenant_id == tenant_id):
                number += 1
                row = AuditRow.after(digest, number, act)
                digest = row.digest
                rows.append({"tenant_id": tenant_id, "number": number, "line": row.line})
            connection.execute(_INSERT, rows)
            signature = self._signer.sign(head_statement(tenant_id, number, digest))
            end = {"number": number, "digest": digest, "signature": json.dumps(signature)}
            connection.execute(_ADVANCE, {"tenant_id": tenant_id, **end})

    def _take_turn(self, connection: Connection) -> None:
        if self._is_sqlite:
            connection.execute(text("UPDATE audit_heads SET number = number WHERE false"))  # waits for other writers
        else:
            connection.execute(text(f"SET LOCAL lock_timeout = '{int(self._timeout_s * 1000)}ms'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITERS})

    def _opened(self) -> Engine:
        assert self._engine is not None, "the audit log is not open"
        return self._engine


def _prepare(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _head(connection: Connection, tenant_id: str) -> AuditHead | None:
    row = connection.execute(_HEAD, {"tenant_id": tenant_id}).first()
    return AuditHead(tenant_id, row.number, row.digest, Signature(*json.loads(row.signature))) if row else None
