"""The data folder belongs to one server at a time: a second one would take its files for leftovers."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.domain.errors import DataFolderInUse, DataFolderUnusable

_LOCK = "server.lock"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """For as long as it is entered, the folder is this process'. Raises DataFolderInUse, DataFolderUnusable.

    The system gives it back when the process ends, however it ends.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (folder / _LOCK).open("a+")
    except OSError as error:
        raise DataFolderUnusable(f"{folder} cannot be written: {error.strerror}.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise DataFolderInUse(
                f"{folder} is in use by process {holder}. Stop that server, or give this one another folder: --data-dir."
            ) from error
        _name_holder(folder, lock.fileno())
        yield


def _name_holder(folder: Path, descriptor: int) -> None:
    """Writes our process' number, so that one who finds the folder held knows by whom; and shows that we can write."""
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
    except OSError as error:
        raise DataFolderUnusable(f"{folder} cannot be written: {error.strerror}.") from error
