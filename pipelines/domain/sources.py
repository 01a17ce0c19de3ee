"""Folders that are watched: what is in them becomes documents, and stays like them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from pipelines.domain.ids import derived_id
from pipelines.domain.jobs import JobError

_HIDDEN = (".", "~$", "__macosx")
_TEMPORARY = ("~", ".tmp", ".temp", ".part", ".partial", ".crdownload", ".download", ".swp", ".lock")
_OF_THE_SYSTEM = frozenset({"thumbs.db", "desktop.ini"})


@dataclass(frozen=True, slots=True)
class Pass:
    """One look at a source: when it ended, and how many files were new, changed, moved, removed, waiting, refused."""

    at: datetime
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Source:
    """A folder whose files are documents of a collection. `readers` None: everyone of the tenant.

    `user_id` is who added it, and may read what comes of it. `removing`: its documents go with it.
    """

    id: str
    tenant_id: str
    collection_id: str
    path: str
    readers: frozenset[str] | None
    user_id: str
    interval_s: int
    created_at: datetime
    next_at: datetime
    removing: bool = False
    trusted_run: int | None = None  # of its job: that pass may delete any number of documents
    last: Pass | None = None


class ListedFile(NamedTuple):
    """A file of a folder, by its path below it with `/` between names."""

    path: str
    size_bytes: int
    mtime_ns: int


class Listing(NamedTuple):
    files: tuple[ListedFile, ...]
    unreadable: tuple[str, ...]  # paths of folders that could not be read, and of files whose names are no text


@dataclass(frozen=True, slots=True)
class SourceFile:
    """What was made of a file when it had this size and time.

    Without a document and a problem: the document was deleted by a person or by age, and stays so until the file changes.
    """

    id: str
    source_id: str
    path: str  # empty once its document is erased
    size_bytes: int
    mtime_ns: int
    sha256: str
    document_id: str | None
    problem: JobError | None = None

    def shows(self, file: ListedFile) -> bool:
        """Whether the file is as it was then."""
        return (self.size_bytes, self.mtime_ns) == (file.size_bytes, file.mtime_ns)


def file_id(source_id: str, path: str) -> str:
    """A path of a source, in a form that says nothing about it."""
    return derived_id("file", source_id, path)


def is_passing(name: str) -> bool:
    """Whether a file or folder of this name is hidden, temporary or a system's own: nobody's document."""
    lower = name.lower()
    return lower.startswith(_HIDDEN) or lower.endswith(_TEMPORARY) or lower in _OF_THE_SYSTEM
