"""What was read of the catalog need not be read again while nothing was committed to it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from pipelines.ports import Catalog

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Unchanged(Generic[K, V]):
    """By key, the `entries` latest: for as long as nobody, in this process or another, commits anything to the catalog.

    So what it gives is what the catalog would say now. A catalog that cannot tell (`commits` None) has nothing remembered.
    """

    def __init__(self, catalog: Catalog, *, entries: int = 1_024) -> None:
        self._catalog = catalog
        self._entries = entries
        self._known: OrderedDict[K, tuple[int, V]] = OrderedDict()

    @property
    def now(self) -> int | None:
        """What a reading that begins now is put under."""
        return self._catalog.commits()

    def get(self, key: K) -> V | None:
        found = self._known.get(key)
        return found[1] if found is not None and found[0] == self._catalog.commits() else None

    def put(self, key: K, value: V, at: int | None) -> None:
        """`at`: `now`, as it was before the reading began."""
        if at is None:
            return
        self._known[key] = at, value
        self._known.move_to_end(key)
        while len(self._known) > self._entries:
            self._known.popitem(last=False)
