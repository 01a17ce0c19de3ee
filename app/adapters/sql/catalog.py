"""The catalog over SQLite or PostgreSQL: who may write when, and what a reader sees.

Writers come one at a time, so that what a transaction checked is still so when it commits. A reader sees one snapshot
and cannot write. SQLite: WAL, every commit on disk before it returns, deleted content overwritten.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel import Session

from app.adapters.sql.answers import SqlAnswers
from app.adapters.sql.bundles import SqlBundles
from app.adapters.sql.changes import SqliteChanges
from app.adapters.sql.chunks import SqlChunks
from app.adapters.sql.collections import SqlCollections
from app.adapters.sql.conversations import SqlConversations
from app.adapters.sql.documents import ERASED, SqlDocuments
from app.adapters.sql.erasures import SqlErasures
from app.adapters.sql.evaluations import SqlEvaluations
from app.adapters.sql.feedback import SqlFeedback
from app.adapters.sql.generations import SqlGenerations
from app.adapters.sql.golden import SqlGoldenSets
from app.adapters.sql.holdings import SqlHoldings
from app.adapters.sql.jobs import SqlJobs
from app.adapters.sql.keys import SqlIdempotency, SqlKeys
from app.adapters.sql.outbox import SqlOutbox
from app.adapters.sql.redoing import SqlRedoing
from app.adapters.sql.sealed import SqlSealed
from app.adapters.sql.sources import SqlSources
from app.adapters.sql.upkeep import SqlUpkeep
from pipelines.domain.access import Principal
from pipelines.domain.errors import DependencyUnavailable, StorageFull

log = structlog.get_logger()

BUSY_TIMEOUT_S = 10.0
_UNBOUND = text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
_DATABASE_BYTES = text("SELECT pg_database_size(current_database())")
_WRITERS = 0x43_61_69_72_6E  # the advisory lock that PostgreSQL's writers take in turn
_PRAGMAS = (
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",
)
_POSTGRES_DISK_FULL = "53100"
# A server that is gone without a word is noticed within about a minute, not after the two hours of TCP's default.
_POSTGRES_LIMITS = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}


@dataclass(frozen=True, slots=True)
class SqlUnitOfWork:
    """The repositories of one transaction."""

    keys: SqlKeys
    collections: SqlCollections
    generations: SqlGenerations
    documents: SqlDocuments
    chunks: SqlChunks
    jobs: SqlJobs
    outbox: SqlOutbox
    idempotency: SqlIdempotency
    erasures: SqlErasures
    holdings: SqlHoldings
    golden_sets: SqlGoldenSets
    sources: SqlSources
    bundles: SqlBundles
    conversations: SqlConversations
    feedback: SqlFeedback
    upkeep: SqlUpkeep
    answers: SqlAnswers
    evaluations: SqlEvaluations
    redoing: SqlRedoing
    sealed: SqlSealed

    @classmethod
    def of(cls, session: Session) -> SqlUnitOfWork:
        return cls(
            SqlKeys(session),
            SqlCollections(session),
            SqlGenerations(session),
            SqlDocuments(session),
            SqlChunks(session),
            SqlJobs(session),
            SqlOutbox(session),
            SqlIdempotency(session),
            SqlErasures(session),
            SqlHoldings(session),
            SqlGoldenSets(session),
            SqlSources(session),
            SqlBundles(session),
            SqlConversations(session),
            SqlFeedback(session),
            SqlUpkeep(session),
            SqlAnswers(session),
            SqlEvaluations(session),
            SqlRedoing(session),
            SqlSealed(session),
        )


_ACT_FOR = text("SELECT set_config('cairn.tenant', :tenant, true), set_config('cairn.subjects', :subjects, true)")


def acting_for(principal: Principal | None, *, reading: bool) -> dict[str, str]:
    """What PostgreSQL's policies go by (migration 0018). None: a workflow, which acts for no person, of any tenant.

    Who writes may change what only others read: readers lists are for reading.
    """
    if principal is None:
        return {"tenant": "*", "subjects": ""}
    return {"tenant": principal.tenant_id, "subjects": "\x1f".join(sorted(principal.subjects)) if reading else ""}


class SqlCatalog:
    """Catalog of pipelines/ports.py. Sync: call it from threads."""

    def __init__(self, url: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        """`sqlite:///FILE` or `postgresql://...`; opens nothing. `busy_timeout_s`: the wait for another process."""
        parsed = make_url(url)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        self._url = parsed
        self._busy_timeout_s = busy_timeout_s
        self._is_sqlite = parsed.get_backend_name() == "sqlite"
        self._turn = threading.Lock()
        self._writing: Engine | None = None
        self._reading: Engine | None = None
        self._changes = SqliteChanges(Path(parsed.database)) if self._is_sqlite and parsed.database else None

    @property
    def is_sqlite(self) -> bool:
        return self._is_sqlite

    def bytes(self) -> int:
        """What it takes on the disk: SQLite's files, or PostgreSQL's database. Raises DependencyUnavailable, OSError."""
        if self._is_sqlite:
            files = (Path(f"{self._url.database}{suffix}") for suffix in ("", "-wal", "-shm"))
            return sum(file.stat().st_size for file in files if file.exists())
        with self.read() as uow:
            return int(uow.upkeep.session.execute(_DATABASE_BYTES).scalar_one())

    def open(self) -> None:
        """Connects, and brings the schema up to date. Raises DependencyUnavailable, ConfigurationError."""
        from app.adapters.sql.migrations import steps, upgrade

        if self._is_sqlite and self._url.database:
            Path(self._url.database).parent.mkdir(parents=True, exist_ok=True)
        self._writing, self._reading = self._engine(writing=True), self._engine(writing=False)
        try:
            steps()  # before others wait for this process
            with self.connection() as connection:
                upgrade(connection)
                if not self._is_sqlite and connection.execute(_UNBOUND).scalar():
                    log.warning("catalog.row_security_bypassed", role=self._url.username)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._changes is not None:
            self._changes.close()
        for engine in (self._reading, self._writing):
            if engine is not None:
                engine.dispose()

    @contextmanager
    def begin(self, principal: Principal | None = None, *, wait_s: float | None = None) -> Iterator[SqlUnitOfWork]:
        """`wait_s`: for others who write, each time, where it is not to be the usual wait."""
        with self.connection(wait_s, principal) as connection, Session(connection) as session:
            yield SqlUnitOfWork.of(session)
            session.flush()
        if ERASED in session.info:
            self._erase_log()

    @contextmanager
    def read(self, principal: Principal | None = None) -> Iterator[SqlUnitOfWork]:
        with self.snapshot(principal) as connection, Session(connection, autoflush=False) as session:
            yield SqlUnitOfWork.of(session)

    @contextmanager
    def connection(self, wait_s: float | None = None, principal: Principal | None = None) -> Iterator[Connection]:
        """A transaction that writes, in turn, and only of the principal's tenant; committed on a clean exit."""
        assert self._writing is not None, "the catalog is not open"
        busy_s = self._busy_timeout_s if wait_s is None else wait_s
        with _translated(), self._my_turn(wait_s), self._writing.connect() as connection:
            if self._is_sqlite:
                driver: Any = connection.connection.driver_connection
                driver.execute(f"PRAGMA busy_timeout={int(busy_s * 1000)}")
            with connection.begin():
                if not self._is_sqlite:
                    wait = {"wait": f"{int(busy_s * 1000)}ms"}
                    connection.execute(text("SELECT set_config('lock_timeout', :wait, true)"), wait)
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITERS})
                    connection.execute(_ACT_FOR, acting_for(principal, reading=False))
                yield connection

    @contextmanager
    def snapshot(self, principal: Principal | None = None) -> Iterator[Connection]:
        """A transaction that reads, and only what the principal may."""
        assert self._reading is not None, "the catalog is not open"
        with _translated(), self._reading.begin() as connection:
            if not self._is_sqlite:
                connection.execute(_ACT_FOR, acting_for(principal, reading=True))
            yield connection

    def commits(self) -> int | None:
        return None if self._changes is None else self._changes.count()

    async def ping(self) -> None:
        """Raises DependencyUnavailable when the database does not answer."""
        import asyncio

        def look() -> None:
            with self.snapshot() as connection:
                connection.execute(text("SELECT 1"))

        await asyncio.to_thread(look)

    @contextmanager
    def _my_turn(self, wait_s: float | None = None) -> Iterator[None]:
        if not self._turn.acquire(timeout=3 * self._busy_timeout_s if wait_s is None else wait_s):
            raise DependencyUnavailable("The catalog is busy; try again.")
        try:
            yield
        finally:
            self._turn.release()

    def vacuum(self) -> None:
        """PostgreSQL keeps deleted rows until then. Without the right to it, its own vacuum does it in its time."""
        assert self._writing is not None, "the catalog is not open"
        with _translated(), self._writing.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(text("VACUUM"))

    def _erase_log(self) -> None:
        """Takes deleted content out of SQLite's log too, which keeps old pages until it is overwritten."""
        if not self._is_sqlite:
            return  # PostgreSQL's vacuum does it, in its own time
        assert self._writing is not None, "the catalog is not open"
        with _translated(), self._my_turn(), closing(self._writing.raw_connection()) as connection:
            busy, *_ = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise DependencyUnavailable("The catalog is being read; its log is emptied when that ends.")

    def _engine(self, *, writing: bool) -> Engine:
        wait = self._busy_timeout_s
        options: dict[str, Any] = {
            **{"pool_size": 1 if writing else 8, "max_overflow": 0 if writing else 32, "pool_timeout": wait},
            "hide_parameters": True,  # an error's words go into logs, and what documents say does not
        }
        if not self._is_sqlite:
            patience = f"-c lock_timeout={wait:g}s"
            limits = {"connect_timeout": max(2, round(wait)), "options": patience, **_POSTGRES_LIMITS}
            level = "READ COMMITTED" if writing else "REPEATABLE READ"
            engine = create_engine(self._url, isolation_level=level, pool_pre_ping=True, connect_args=limits, **options)
            return engine.execution_options(postgresql_readonly=not writing)
        engine = create_engine(self._url, connect_args={"timeout": wait, "check_same_thread": False}, **options)

        @event.listens_for(engine, "connect")
        def prepare(connection: sqlite3.Connection, _: Any) -> None:
            connection.isolation_level = None  # we say BEGIN ourselves
            for pragma in _PRAGMAS:
                connection.execute(pragma)
            if writing:
                _write_ahead(connection, wait)
            else:
                connection.execute("PRAGMA query_only=ON")

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

        return engine


def _write_ahead(connection: sqlite3.Connection, wait_s: float) -> None:
    """Turns the log on, which the file remembers. SQLite does not wait here for a process that does so at this moment."""
    deadline = time.monotonic() + wait_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


@contextmanager
def _translated() -> Iterator[None]:
    """The driver's errors about the database itself as ours; those about our statements stay what they are: bugs."""
    try:
        yield
    except (OperationalError, PoolTimeout) as error:
        if _is_full(error):
            raise StorageFull from error
        raise DependencyUnavailable(f"The catalog does not answer: {_reason(error)}") from error


def _is_full(error: SQLAlchemyError) -> bool:
    cause = error.orig if isinstance(error, DBAPIError) else None
    if isinstance(cause, sqlite3.OperationalError):
        return cause.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL
    return getattr(cause, "sqlstate", None) == _POSTGRES_DISK_FULL


def _reason(error: SQLAlchemyError) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return str(cause).splitlines()[0] if str(cause) else type(cause).__name__
