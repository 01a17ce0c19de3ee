"""Whether anybody has committed to an SQLite file, told in microseconds."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import suppress
from itertools import count
from pathlib import Path

_OPENINGS = count(1)
_FAR_APART = 1 << 32  # than a file sees commits between two openings


class SqliteChanges:
    """Opens the file when it is first asked, and again after an error; it never waits for a lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = threading.Lock()
        self._open: sqlite3.Connection | None = None
        self._from = 0

    def count(self) -> int | None:
        """Another number after every commit by another connection (`PRAGMA data_version`); None when it cannot be read."""
        with self._turn:
            try:
                (version,) = self._connection().execute("PRAGMA data_version").fetchone()
            except sqlite3.Error:
                self._close()
                return None
            return self._from + int(version)

    def close(self) -> None:
        with self._turn:
            self._close()

    def _connection(self) -> sqlite3.Connection:
        if self._open is None:
            uri = f"{self._path.resolve().as_uri()}?mode=rw"  # makes no file
            self._open = sqlite3.connect(uri, uri=True, timeout=0, check_same_thread=False)
            self._from = next(_OPENINGS) * _FAR_APART  # an opening counts from a number of its own
        return self._open

    def _close(self) -> None:
        if self._open is not None:
            with suppress(sqlite3.Error):
                self._open.close()
            self._open = None
