"""Places that are watched (folders, buckets, sites, wikis): what is in them becomes documents, and stays like them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from pipelines.domain.ids import derived_id
from pipelines.domain.jobs import JobError


class SourceKind(StrEnum):
    FOLDER = "folder"
    S3 = "s3"
    WEB = "web"
    CONFLUENCE = "confluence"
    SHAREPOINT = "sharepoint"


WITH_LISTS = frozenset({SourceKind.CONFLUENCE, SourceKind.SHAREPOINT})
"""Kinds that say themselves who reads a file."""

_SCHEMES = {
    "s3": SourceKind.S3,
    "http": SourceKind.WEB,
    "https": SourceKind.WEB,
    "confluence": SourceKind.CONFLUENCE,
    "sharepoint": SourceKind.SHAREPOINT,
}
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
    """A place whose files are documents of a collection: its path is `/srv/papers`, `s3://NAME/PREFIX`, `https://HOST/PATH`, ...

    `readers` None: everyone of the tenant, unless the place has lists of its own. `user_id` is who added it, and may read what
    comes of it. `removing`: its documents go with it.
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
    """A file of a source, by the path that it keeps there, with `/` between names.

    `etag` is the place's own mark of this content; without one, size (-1: not said) and time are. `readers` is the place's own
    access list: None where it has none, empty where it cannot be told, which closes the document.
    """

    path: str
    size_bytes: int
    mtime_ns: int
    etag: str = ""
    readers: tuple[str, ...] | None = None
    title: str = ""  # where the place has titles
    url: str = ""  # where people see it
    shown: str = ""  # what people call it there, where its path is an id


class Listing(NamedTuple):
    """What is there: all of it, or, where `gone` is not None, what changed since the pass that left `memory`."""

    files: tuple[ListedFile, ...]
    unreadable: tuple[str, ...]  # paths of folders that could not be read, and of files whose names are no text
    gone: tuple[str, ...] | None = None  # paths that are not there any more
    memory: str = ""  # for the next pass; it names no file


class Seen(NamedTuple):
    """What earlier passes know of a source."""

    etag: Callable[[str], str]  # of the file with a path; "" where none is known
    memory: str = ""


class Shared(NamedTuple):
    """Who reads a document of a source, and whether it shows the newest version of its file."""

    document_id: str
    readers: frozenset[str]
    current: bool


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
    etag: str = ""  # empty once its document is erased: it may follow from the content

    def shows(self, file: ListedFile) -> bool:
        """Whether the file is as it was then."""
        if self.etag and file.etag:
            return self.etag == file.etag
        return (self.size_bytes, self.mtime_ns) == (file.size_bytes, file.mtime_ns)


def kind_of(place: str) -> SourceKind:
    """Of a source's path; what names no other kind is a folder."""
    scheme, colon, _ = place.partition(":")
    return _SCHEMES.get(scheme.lower(), SourceKind.FOLDER) if colon else SourceKind.FOLDER


def file_id(source_id: str, path: str) -> str:
    """A path of a source, in a form that says nothing about it."""
    return derived_id("file", source_id, path)


def time_ns(at: datetime) -> int:
    """Since 1970; 0 of a time that no file has. A time without a zone is UTC's."""
    try:
        found = int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1e9)
    except (ValueError, OverflowError, OSError):
        return 0
    return found if 0 < found < 2**63 else 0


def is_passing(name: str) -> bool:
    """Whether a file or folder of this name is hidden, temporary or a system's own: nobody's document."""
    lower = name.lower()
    return lower.startswith(_HIDDEN) or lower.endswith(_TEMPORARY) or lower in _OF_THE_SYSTEM
