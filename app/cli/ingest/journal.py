"""What this person sent to a collection before: which document each file is, so that a changed file is a new version of it.

JSON lines, each written when the server has answered; the last one about a path holds. A line that a crash cut off is left out.
The server is the truth: what it does not know any more is sent again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ValidationError

from app.cli import folders
from app.cli.exits import Failure

_SPARE_LINES = 1_000


class Entry(BaseModel):
    """`document_id` None: the file is gone, and so is its document."""

    path: str
    sha256: str = ""
    document_id: str | None = None
    readers: list[str] | None = None


class Journal:
    """Of one server and collection. Safe to share between threads."""

    def __init__(self, path: Path) -> None:
        """Raises Failure."""
        self._lock = threading.Lock()
        self._entries: dict[str, Entry] = {}
        self._documents: Counter[str] = Counter()  # how many paths are of it
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "a+", encoding="utf-8")
            self._load()
        except OSError as error:
            raise Failure(f"{path} cannot be used: {error.strerror}. XDG_STATE_HOME says where it is kept.") from error

    @classmethod
    def of(cls, address: str, collection: str) -> Self:
        name = hashlib.sha256(f"{address}\n{collection}".encode()).hexdigest()[:16]
        return cls(folders.state() / "ingest" / f"{name}.jsonl")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def get(self, path: Path) -> Entry | None:
        with self._lock:
            return self._entries.get(str(path))

    def put(self, path: Path, sha256: str, document_id: str, readers: Sequence[str] | None) -> None:
        told = None if readers is None else sorted(readers)
        self._note(Entry(path=str(path), sha256=sha256, document_id=document_id, readers=told))

    def forget(self, path: Path) -> None:
        self._note(Entry(path=str(path)))

    def alone(self, path: Path, document_id: str) -> bool:
        """Whether no other file that is still there is of this document."""
        with self._lock:
            if self._documents[document_id] <= 1:
                return True
            others = [each.path for each in self._entries.values() if each.document_id == document_id]
        return not any(other != str(path) and os.path.lexists(other) for other in others)

    def under(self, folder: Path) -> Iterator[tuple[Path, str]]:
        """Each file of that folder, there or not, and its document."""
        with self._lock:
            entries = list(self._entries.values())
        for entry in entries:
            path = Path(entry.path)
            if entry.document_id is not None and path.is_relative_to(folder):
                yield path, entry.document_id

    def _note(self, entry: Entry) -> None:
        with self._lock:
            if self._entries.get(entry.path) == entry:
                return
            self._remember(entry)
            self._file.write(entry.model_dump_json() + "\n")
            self._file.flush()

    def _remember(self, entry: Entry) -> None:
        before = self._entries.pop(entry.path, None)
        if before is not None and before.document_id is not None:
            self._documents[before.document_id] -= 1
        if entry.document_id is not None:
            self._entries[entry.path] = entry
            self._documents[entry.document_id] += 1

    def _load(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_SH)  # for as long as it is open: nobody rewrites it meanwhile
        self._file.seek(0)
        lines = 0
        for line in self._file:
            lines += 1
            with suppress(ValidationError):
                self._remember(Entry.model_validate_json(line))
        if lines and not line.endswith("\n"):
            self._file.write("\n")
        if lines > 2 * len(self._entries) + _SPARE_LINES:
            with suppress(BlockingIOError):  # another one is at work with it
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._file.truncate(0)
                self._file.writelines(json.dumps(each.model_dump()) + "\n" for each in self._entries.values())
                self._file.flush()
            fcntl.flock(self._file, fcntl.LOCK_SH)
