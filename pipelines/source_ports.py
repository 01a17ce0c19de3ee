"""Where documents come from by themselves (a part of pipelines/ports.py)."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol

from pipelines.domain import sources


class SourceReader(Protocol):
    """Places of one kind that the operator lets tenants watch: folders, buckets, sites. Synchronous: call it from a thread.

    Reaches nothing but what the operator named, wherever a link or an answer points. Each method raises SyncOff,
    SourceNotAllowed, SourceMissing; of other machines also SourceUnavailable.
    """

    def allowed(self, tenant_id: str, place: str) -> str: ...  # the place as it is kept, each in one way only
    def listing(
        self, tenant_id: str, place: str, seen: sources.Seen
    ) -> sources.Listing: ...  # SourceTooLarge; without hidden and temporary files
    def open(
        self, tenant_id: str, place: str, file: sources.ListedFile
    ) -> AbstractContextManager[SourceContent]: ...  # FileNotFoundError, FileBlocked, FileUnavailable
    def exists(self, tenant_id: str, place: str, path: str) -> bool: ...  # True where that cannot be told


class SourceContent(Protocol):
    """A file that is read once, from its start to its end."""

    @property
    def listed(self) -> sources.ListedFile: ...  # as it was when it was opened
    @property
    def name(self) -> str: ...  # a file name whose ending fits the content
    @property
    def stream(self) -> BinaryIO: ...  # its last read raises FileChanged unless the file is still so
    def digest(self) -> str: ...  # SHA-256 of what was read, in hex
    def rewind(self) -> None: ...
