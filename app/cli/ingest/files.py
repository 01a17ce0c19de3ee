"""Which files there are, and what they hold."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

_UNFINISHED = (".part", ".crdownload", ".tmp", ".swp")


class Signature(NamedTuple):
    """What changes when a file does, as far as can be told without reading it."""

    size_bytes: int
    modified_ns: int


def found(paths: Iterable[Path]) -> list[Path]:
    """The files named, and those in folders named, absolute, each once and in order. In folders, what is hidden or ends as
    unfinished files do is left out, and no link is followed."""
    return list(dict.fromkeys(file for path in paths for file in _in(path.absolute())))


def signature(path: Path) -> Signature | None:
    """None: it is not there, or not to be read."""
    try:
        status = path.stat()
    except OSError:
        return None
    return Signature(status.st_size, status.st_mtime_ns)


def sha256(path: Path) -> str:
    """Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _in(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for file in sorted(path.rglob("*")):
        hidden = any(part.startswith((".", "~$")) for part in file.relative_to(path).parts)
        if not hidden and file.suffix.lower() not in _UNFINISHED and not file.is_symlink() and file.is_file():
            yield file
