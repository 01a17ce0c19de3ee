"""The journal's file: opening it, holding it alone, and committing many transactions with one fsync."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

from workflows.embedded.errors import EmbeddedError, JournalLocked, JournalUnavailable
from workflows.embedded.failpoints import failpoint
from workflows.embedded.schema import SCHEMA, VERSION

log = logging.getLogger(__name__)
T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
Timed = Callable[[float, int], None]
"""Told of a commit: its seconds, and how many transactions it made durable."""
_LARGEST_GROUP = 256
_BUSY_MS = 5_000
_LARGEST_LOG = 16 << 20


def untimed(_: float, __: int) -> None:
    """Nobody wants to know."""


def lock(path: Path) -> IO[str]:
    """Hold the journal alone, until the returned file is closed. JournalLocked names the holder."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        holder = path.with_name(path.name + ".lock").open("a+")
    except OSError as error:
        raise JournalUnavailable(f"cannot open the journal {path}: {error.strerror}") from error
    try:
        fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder.seek(0)
        pid = holder.read().strip() or "unknown"
        holder.close()
        raise JournalLocked(f"the journal {path} is in use by process {pid}") from error
    # A forked worker that outlives this process must not hold the lock: its copy of the file would.
    os.register_at_fork(after_in_child=holder.close)
    with contextlib.suppress(OSError):  # a full disk: the lock holds, and only its holder's name is missing
        holder.truncate(0)
        holder.write(str(os.getpid()))
        holder.flush()
    return holder


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection with the settings that the journal's promises rest on: WAL, and an fsync for every commit."""
    try:
        if str(path) != ":memory:":
            path.touch(mode=0o600)  # events are nobody else's to read; the log beside it takes the same mode
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_BUSY_MS / 1000)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA cache_size = -4096")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA secure_delete = ON")  # what is pruned is gone from the file, not only from the index
        connection.execute(f"PRAGMA journal_size_limit = {_LARGEST_LOG}")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
        else:
            _migrate(connection, path)
    except (sqlite3.Error, OSError) as error:
        raise JournalUnavailable(f"cannot open the journal {path}: {error}") from error
    connection.row_factory = sqlite3.Row
    return connection


def checkpoint(path: Path) -> None:
    """Move what the log beside the journal holds into it and empty the log, which else keeps what was deleted."""
    connection = sqlite3.connect(path, timeout=_BUSY_MS / 1000)
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        raise JournalUnavailable(f"cannot check-point the journal {path}: {error}") from error
    finally:
        connection.close()


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("VACUUM")
        connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
    elif version != VERSION:
        raise JournalUnavailable(f"the journal {path} has version {version}; this executor writes version {VERSION}")


@dataclass(frozen=True)
class _Entry:
    work: Work[Any]
    future: Future[Any]


class Writer:
    """The one thread that writes. What is waiting when it comes round is committed together, each in its own savepoint;
    a result is handed out only after the commit that made it durable. `finish` ends each group, inside its transaction;
    `committed` is told of it, before the results are; `timed` of each commit's seconds and transactions."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        finish: Work[T] | None = None,
        committed: Callable[[T], None] | None = None,
        timed: Timed = untimed,
    ) -> None:
        self._timed = timed
        self._connection = connection
        self._finish = finish
        self._committed = committed
        self._queue: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="embedded-journal", daemon=True)
        self._closed = False

    def start(self) -> None:
        self._thread.start()

    def submit(self, work: Work[T]) -> Future[T]:
        """Queue a transaction. Its future fails with JournalUnavailable if the disk refuses the commit."""
        future: Future[T] = Future()
        if self._closed:
            future.set_exception(JournalUnavailable("the journal is closed"))
        else:
            self._queue.put(_Entry(work, future))
        return future

    def close(self) -> None:
        """Commit what is queued, then stop."""
        self._closed = True
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group, last = [first], False
            while len(group) < _LARGEST_GROUP and not self._queue.empty():
                entry = self._queue.get()
                if entry is None:
                    last = True
                    break
                group.append(entry)
            # From here on nobody can cancel: a future that were cancelled could not be given its result.
            self._commit([entry for entry in group if entry.future.set_running_or_notify_cancel()])
            if last:
                return

    def _commit(self, group: list[_Entry]) -> None:
        results: list[tuple[Future[Any], Any, Exception | None]] = []
        began = time.perf_counter()
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            results = [self._attempt(entry) for entry in group]
            finished = self._finish(self._connection) if self._finish else None
            failpoint("journal.before-commit")
            self._connection.execute("COMMIT")
        except Exception as error:  # the thread's edge: whatever it was, nothing of the group has happened
            self._abandon(group, error)
            return
        failpoint("journal.after-commit")
        self._timed(time.perf_counter() - began, len(group))
        if self._committed is not None and finished is not None:
            self._committed(finished)
        for future, value, failure in results:
            if failure is None:
                future.set_result(value)
            else:
                future.set_exception(failure)

    def _attempt(self, entry: _Entry) -> tuple[Future[Any], Any, Exception | None]:
        self._connection.execute("SAVEPOINT entry")
        try:
            value = entry.work(self._connection)
        except sqlite3.OperationalError:
            raise  # the disk, not the work: the whole group must be undone
        except Exception as error:  # handed to whoever submitted the work
            self._connection.execute("ROLLBACK TO entry")
            self._connection.execute("RELEASE entry")
            return entry.future, None, error
        self._connection.execute("RELEASE entry")
        return entry.future, value, None

    def _abandon(self, group: list[_Entry], error: Exception) -> None:
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error as refused:
                log.warning("journal.rollback_failed", extra={"error": str(refused)})
        log.error("journal.unavailable", extra={"error": str(error), "transactions": len(group)}, exc_info=error)
        refusal = error if isinstance(error, EmbeddedError) else JournalUnavailable(f"not committed: {error}")
        for entry in group:
            entry.future.set_exception(refusal)
