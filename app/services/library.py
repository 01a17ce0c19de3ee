"""What a person can search in a collection: its documents, by what narrows a question down and by their names."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from pipelines.domain.access import Principal
from pipelines.domain.errors import CollectionNotFound
from pipelines.domain.filters import Filters
from pipelines.domain.views import Selection, View
from pipelines.ports import Catalog
from pipelines.query.naming import Names

_KEPT = 64  # views


@dataclass(frozen=True, slots=True)
class Shelf:
    """A collection as one person sees it through filters: what may be found, and by which names."""

    view: View
    selection: Selection
    names: Names


class Library:
    """Sync: call it from a thread."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._known: OrderedDict[tuple[str, str, Filters], tuple[Selection, Names]] = OrderedDict()
        self._lock = threading.Lock()

    def shelf(self, principal: Principal, name: str, filters: Filters) -> Shelf:
        """Raises CollectionNotFound. Remembered for as long as nothing changes that this person could see."""
        with self._catalog.read(principal) as uow:
            view = uow.collections.view(principal, name)
            if view is None:
                raise CollectionNotFound(f"There is no collection {name!r}.")
            key = (view.collection.id, view.seen, filters)
            with self._lock:
                known = self._known.get(key)
            if known is None:
                titles = uow.documents.titles(principal, view.collection.id, filters)
                known = Selection.of(titles), Names.of(titles.items())
        with self._lock:
            self._known[key] = known
            self._known.move_to_end(key)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return Shelf(view, *known)
