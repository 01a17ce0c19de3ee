"""Sources of every kind as one: a place is read by the reader of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager

from pipelines.domain.intake_errors import SyncOff
from pipelines.domain.sources import ListedFile, Listing, Seen, SourceKind, kind_of
from pipelines.ports import SourceContent, SourceReader


class SourceKinds:
    """SourceReader of pipelines/ports.py. Of a kind that the operator set up nothing for, every method raises SyncOff."""

    def __init__(self, readers: Mapping[SourceKind, SourceReader]) -> None:
        self._readers = readers

    def allowed(self, tenant_id: str, place: str) -> str:
        return self._of(place).allowed(tenant_id, place)

    def listing(self, tenant_id: str, place: str, seen: Seen) -> Listing:
        return self._of(place).listing(tenant_id, place, seen)

    def open(self, tenant_id: str, place: str, file: ListedFile) -> AbstractContextManager[SourceContent]:
        return self._of(place).open(tenant_id, place, file)

    def exists(self, tenant_id: str, place: str, path: str) -> bool:
        return self._of(place).exists(tenant_id, place, path)

    def _of(self, place: str) -> SourceReader:
        reader = self._readers.get(kind_of(place))
        if reader is None:
            raise SyncOff
        return reader
