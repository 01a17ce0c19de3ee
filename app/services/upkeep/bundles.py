"""What bundles and passes over sources leave when they are over: reports that nobody asks for any more, files of lost jobs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from pipelines.domain.bundles import Bundle
from pipelines.ports import Blobs, Catalog, Clock

_BATCH = 100
_GRACE = timedelta(hours=24)  # a file is written before the row that speaks of it
_PASS = timedelta(days=7)  # longer than any pass over a source takes


@dataclass(frozen=True, slots=True)
class IntakeGarbage:
    blobs: Blobs
    catalog: Catalog
    clock: Clock
    history: timedelta

    async def collect(self) -> dict[str, int]:
        """How many of each were removed."""
        bundles = 0
        while over := await asyncio.to_thread(self._over):
            for bundle in over:
                await self.blobs.delete(bundle.blob_key)
                await asyncio.to_thread(self._forget, bundle)
            bundles += len(over)
        orphans = 0
        for key in await self.blobs.keys("bundles", self.clock() - _GRACE):
            if not await asyncio.to_thread(self._known, key.split("/")[1]):
                await self.blobs.delete(key)
                orphans += 1
        plans = await self.blobs.keys("sync", self.clock() - _PASS)
        for key in plans:
            await self.blobs.delete(key)
        return {"bundles": bundles, "bundle_files": orphans, "plans": len(plans)}

    def _over(self) -> list[Bundle]:
        with self.catalog.read() as uow:
            return uow.bundles.over(self.clock() - self.history, _BATCH)

    def _forget(self, bundle: Bundle) -> None:
        with self.catalog.begin() as uow:
            uow.bundles.remove(bundle.id)

    def _known(self, bundle_id: str) -> bool:
        with self.catalog.read() as uow:
            return uow.bundles.get(bundle_id) is not None
