"""What the first questions after a start need, read before they come."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np
import structlog

from app.services.resting import Nearest
from pipelines.domain.documents import Collection
from pipelines.domain.errors import DependencyUnavailable
from pipelines.domain.views import Selection
from pipelines.ports import Catalog

log = structlog.get_logger()

_PAGE = 10_000


@dataclass(frozen=True, slots=True)
class Warming:
    """Brings the vectors of all that answers into memory, a collection after the other, as far as there is room."""

    catalog: Catalog
    vectors: Nearest

    async def run(self) -> None:
        for collection in await asyncio.to_thread(self._collections):
            generation = collection.active_generation
            selection = await asyncio.to_thread(self._selection, collection.id)
            try:
                await self.vectors.query(generation, np.zeros(generation.dimensions, np.float32), 1, selection)
            except DependencyUnavailable as error:
                log.info("vectors.not_warmed", collection_id=collection.id, error=error.detail)

    def _collections(self) -> list[Collection]:
        with self.catalog.read() as uow:
            ids = uow.upkeep.collection_ids(None, "", _PAGE)
            return [each for each in map(uow.collections.by_id, ids) if each is not None]

    def _selection(self, collection_id: str) -> Selection:
        found: list[str] = []
        with self.catalog.read() as uow:
            while page := uow.upkeep.answering(collection_id, found[-1] if found else "", _PAGE):
                found += page
        return Selection.of(found)
