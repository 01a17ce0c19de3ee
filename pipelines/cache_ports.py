"""What a cache is to the product (a part of pipelines/ports.py)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol


class Entry(NamedTuple):
    """A value that is worth keeping for a while."""

    key: str
    value: bytes
    ttl_s: float
    tags: frozenset[str] = frozenset()  # what it was made from: it goes with any of them
    tenant_id: str = ""  # on whose account it stands; "": nobody's
    scope: str = ""  # entries of one scope may stand for each other, as far as their probes are alike
    probe: bytes = b""


class Usage(NamedTuple):
    """What a level holds of a tenant's."""

    entries: int = 0
    bytes: int = 0


class Cache(Protocol):
    """Values by level and key, each for its time and all within bounds: any of them may be gone at any moment.

    Shared by processes. Synchronous: call it from a thread. Every method raises CacheUnavailable, within about a second.
    """

    def get(self, level: str, keys: Sequence[str]) -> dict[str, bytes]: ...  # of those it holds
    def put(self, level: str, entries: Sequence[Entry]) -> None: ...

    """In the place of what was there under their keys. What would end first makes room within the level."""

    def probes(self, level: str, scope: str, limit: int) -> list[tuple[str, bytes]]: ...  # (key, probe), newest first
    def remove(self, level: str, keys: Sequence[str]) -> None: ...
    def forget(self, tags: Collection[str]) -> int: ...  # entries of all levels; gone from the disk when it returns
    def clear(self, tenant_id: str) -> int: ...  # the same
    def usage(self) -> Mapping[tuple[str, str], Usage]: ...  # by (level, tenant)
    def ping(self) -> None: ...
