"""The questions that a collection is measured by."""

from __future__ import annotations

from app.services.collections import Collections
from pipelines.domain.access import Principal
from pipelines.domain.evaluation import GoldenQuestion
from pipelines.evaluation import golden
from pipelines.ports import Catalog


class GoldenSets:
    """Sync: call it from a thread. Raises CollectionNotFound."""

    def __init__(self, catalog: Catalog, collections: Collections) -> None:
        self._catalog = catalog
        self._collections = collections

    def replace(self, principal: Principal, name: str, text: str) -> int:
        """By what the JSON lines say; how many questions there are now. Raises InvalidGoldenSet."""
        questions = golden.parse(text)
        self._put(principal, name, questions)
        return len(questions)

    def remove(self, principal: Principal, name: str) -> None:
        self._put(principal, name, [])

    def get(self, principal: Principal, name: str) -> str:
        """JSON lines."""
        collection_id = self._collections.get(principal, name).id
        with self._catalog.read(principal) as uow:
            return golden.dump(uow.golden_sets.get(collection_id))

    def _put(self, principal: Principal, name: str, questions: list[GoldenQuestion]) -> None:
        collection_id = self._collections.get(principal, name).id
        with self._catalog.begin(principal) as uow:
            uow.golden_sets.put(collection_id, questions)
