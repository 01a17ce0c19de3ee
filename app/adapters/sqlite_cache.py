"""The cache in a file of its own beside the catalog: what is lost with it was only kept to save time.

So a file that cannot be read is thrown away and begun anew, and a commit need not reach the disk before it returns. What is
forgotten is overwritten all the same, and the log with it: deleted documents speak out of answers, too.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import structlog

from pipelines.cache_ports import Entry, Usage
from pipelines.domain.errors import CacheUnavailable

R = TypeVar("R")
log = structlog.get_logger()

_BATCH = 500  # parameters of one statement
_EXPIRED_AT_ONCE = 200
_PASSING = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_NOMEM}
_BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_ERROR}
_SCHEMA = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=NORMAL;
PRAGMA secure_delete=ON;
PRAGMA foreign_keys=ON;
CREATE TABLE IF NOT EXISTS entries (
    key TEXT NOT NULL, level TEXT NOT NULL, tenant_id TEXT NOT NULL, scope TEXT NOT NULL, expires_at REAL NOT NULL,
    bytes INTEGER NOT NULL, probe BLOB NOT NULL, value BLOB NOT NULL, id INTEGER PRIMARY KEY, UNIQUE (level, key)
);
CREATE INDEX IF NOT EXISTS entries_by_end ON entries (level, expires_at);
CREATE INDEX IF NOT EXISTS entries_by_scope ON entries (level, scope, id) WHERE scope != '';
CREATE TABLE IF NOT EXISTS tags (
    tag TEXT NOT NULL, entry_id INTEGER NOT NULL REFERENCES entries ON DELETE CASCADE, PRIMARY KEY (tag, entry_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tags_by_entry ON tags (entry_id);
CREATE TABLE IF NOT EXISTS totals (
    level TEXT NOT NULL, tenant_id TEXT NOT NULL, entries INTEGER NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (level, tenant_id)
) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS entry_added AFTER INSERT ON entries BEGIN
    INSERT INTO totals VALUES (new.level, new.tenant_id, 1, new.bytes)
    ON CONFLICT DO UPDATE SET entries = entries + 1, bytes = bytes + new.bytes;
END;
CREATE TRIGGER IF NOT EXISTS entry_removed AFTER DELETE ON entries BEGIN
    UPDATE totals SET entries = entries - 1, bytes = bytes - old.bytes
    WHERE level = old.level AND tenant_id = old.tenant_id;
END;
"""


class SqliteCache:
    """Cache of pipelines/ports.py. Opens its file when it is first used, and again when it was broken."""

    def __init__(self, path: Path, limits: Mapping[str, int], *, busy_timeout_s: float = 1) -> None:
        """`limits`: bytes of values and probes by level."""
        self._path = path
        self._limits = dict(limits)
        self._busy_timeout_s = busy_timeout_s
        self._turn = threading.Lock()
        self._open: sqlite3.Connection | None = None

    def close(self) -> None:
        with self._turn:
            self._discard()

    def get(self, level: str, keys: Sequence[str]) -> dict[str, bytes]:
        def work(connection: sqlite3.Connection) -> dict[str, bytes]:
            found: dict[str, bytes] = {}
            for batch in _batches(keys):
                query = (
                    f"SELECT key, value FROM entries WHERE level = ? AND expires_at > ? AND key IN ({_marks(batch)})"  # noqa: S608
                )
                found.update(connection.execute(query, (level, time.time(), *batch)))
            return found

        return self._do(work)

    def put(self, level: str, entries: Sequence[Entry]) -> None:
        def work(connection: sqlite3.Connection) -> None:
            with _transaction(connection):
                now = time.time()
                for entry in entries:
                    self._replace(connection, level, entry, now)
                self._make_room(connection, level, now)

        self._do(work)

    def probes(self, level: str, scope: str, limit: int) -> list[tuple[str, bytes]]:
        query = (
            "SELECT key, probe FROM entries WHERE level = ? AND scope = ? AND scope != '' AND expires_at > ? "
            "ORDER BY id DESC LIMIT ?"
        )
        return self._do(lambda connection: connection.execute(query, (level, scope, time.time(), limit)).fetchall())

    def remove(self, level: str, keys: Sequence[str]) -> None:
        def work(connection: sqlite3.Connection) -> None:
            for batch in _batches(keys):
                statement = f"DELETE FROM entries WHERE level = ? AND key IN ({_marks(batch)})"  # noqa: S608
                connection.execute(statement, (level, *batch))

        self._do(work)

    def forget(self, tags: Collection[str]) -> int:
        def work(connection: sqlite3.Connection) -> int:
            removed = 0
            for batch in _batches(list(tags)):
                tagged = f"SELECT entry_id FROM tags WHERE tag IN ({_marks(batch)})"  # noqa: S608
                removed += connection.execute(f"DELETE FROM entries WHERE id IN ({tagged})", batch).rowcount  # noqa: S608
            self._empty_log(connection)
            return removed

        return self._do(work)

    def clear(self, tenant_id: str) -> int:
        def work(connection: sqlite3.Connection) -> int:
            removed = connection.execute("DELETE FROM entries WHERE tenant_id = ?", (tenant_id,)).rowcount
            self._empty_log(connection)
            return removed

        return self._do(work)

    def usage(self) -> dict[tuple[str, str], Usage]:
        query = "SELECT level, tenant_id, entries, bytes FROM totals WHERE entries > 0"
        rows = self._do(lambda connection: connection.execute(query).fetchall())
        return {(level, tenant_id): Usage(entries, size) for level, tenant_id, entries, size in rows}

    def ping(self) -> None:
        self.usage()

    # --- how ---

    def _replace(self, connection: sqlite3.Connection, level: str, entry: Entry, now: float) -> None:
        connection.execute("DELETE FROM entries WHERE level = ? AND key = ?", (level, entry.key))
        size = len(entry.value) + len(entry.probe)
        if size > self._limits[level]:
            return
        added = connection.execute(
            "INSERT INTO entries (key, level, tenant_id, scope, expires_at, bytes, probe, value) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (entry.key, level, entry.tenant_id, entry.scope, now + entry.ttl_s, size, entry.probe, entry.value),
        )
        connection.executemany("INSERT INTO tags VALUES (?, ?)", [(tag, added.lastrowid) for tag in entry.tags])

    def _make_room(self, connection: sqlite3.Connection, level: str, now: float) -> None:
        """Removes what is over, and then, as long as the level is too large, what will be over first."""
        first = "SELECT id FROM entries WHERE level = ? AND expires_at <= ? ORDER BY expires_at LIMIT ?"
        connection.execute(f"DELETE FROM entries WHERE id IN ({first})", (level, now, _EXPIRED_AT_ONCE))  # noqa: S608
        (size,) = connection.execute("SELECT coalesce(sum(bytes), 0) FROM totals WHERE level = ?", (level,)).fetchone()
        excess = size - self._limits[level]
        if excess <= 0:
            return
        going = []
        for id_, own in connection.execute(
            "SELECT id, bytes FROM entries WHERE level = ? ORDER BY expires_at", (level,)
        ):
            if excess <= 0:
                break
            going.append((id_,))
            excess -= own
        connection.executemany("DELETE FROM entries WHERE id = ?", going)

    def _empty_log(self, connection: sqlite3.Connection) -> None:
        """Takes what was removed out of the log too. A reader holds it for a moment at most."""
        deadline = time.monotonic() + self._busy_timeout_s
        while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            if time.monotonic() > deadline:
                raise CacheUnavailable("The cache's file is being read; its log is emptied when that ends.")
            time.sleep(0.02)

    def _do(self, work: Callable[[sqlite3.Connection], R]) -> R:
        with self._turn:
            try:
                return work(self._connection())
            except sqlite3.Error as error:
                if _code(error) in _PASSING:
                    raise CacheUnavailable(f"The cache's file cannot be used now: {error}") from error
                self._discard()
                if _code(error) in _BROKEN:
                    self._begin_anew(error)
            try:
                return work(self._connection())
            except sqlite3.Error as error:
                self._discard()
                raise CacheUnavailable(f"The cache's file cannot be used: {error}") from error

    def _connection(self) -> sqlite3.Connection:
        if self._open is None:
            connection = sqlite3.connect(
                self._path, timeout=self._busy_timeout_s, isolation_level=None, check_same_thread=False
            )
            self._open = connection
            connection.executescript(_SCHEMA)
        return self._open

    def _discard(self) -> None:
        if self._open is not None:
            with suppress(sqlite3.Error):
                self._open.close()
            self._open = None

    def _begin_anew(self, why: sqlite3.Error) -> None:
        log.warning("cache.begun_anew", file=self._path.name, error=type(why).__name__, code=_code(why))
        for suffix in ("", "-wal", "-shm"):
            with suppress(OSError):
                self._path.with_name(self._path.name + suffix).unlink()


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _batches(items: Sequence[str]) -> Iterator[Sequence[str]]:
    return (items[first : first + _BATCH] for first in range(0, len(items), _BATCH))


def _marks(items: Sequence[str]) -> str:
    return ",".join("?" * len(items))
