"""Documents that were kept for as long as their collection says are deleted like any other."""

from __future__ import annotations

import asyncio

import structlog

from app.services.collections import Collections
from app.services.documents import remove
from app.services.outbox import Outbox
from pipelines.domain.access import Principal
from pipelines.domain.documents import Collection
from pipelines.domain.jobs import OutboxEvent
from pipelines.ports import Catalog, Clock

log = structlog.get_logger()

_BATCH = 50  # deleted in one transaction


class Retention:
    def __init__(self, catalog: Catalog, collections: Collections, outbox: Outbox, clock: Clock) -> None:
        self._catalog = catalog
        self._collections = collections
        self._outbox = outbox
        self._clock = clock

    def keep_for(self, principal: Principal, name: str, days: int | None) -> Collection:
        """Sync. The collection, whose documents are deleted so long after their newest upload; None: never.

        Raises CollectionNotFound.
        """
        collection = self._collections.get(principal, name)
        with self._catalog.begin(principal) as uow:
            uow.collections.keep_for(collection.id, days)
        return self._collections.get(principal, name)

    async def apply(self, tenant_id: str | None = None) -> int:
        """Deletes what is over, of one tenant or of all; how many documents. Each deletion ends in a receipt."""
        deleted = 0
        while batch := await self.apply_batch(tenant_id):
            deleted += batch
        return deleted

    async def apply_batch(self, tenant_id: str | None = None) -> int:
        """Of those that are over, the ones kept longest; 0 when there are none."""
        events = await asyncio.to_thread(self._remove, tenant_id)
        await self._outbox.dispatch(events)
        if events:
            log.info("retention.applied", documents=len(events))
        return len(events)

    def _remove(self, tenant_id: str | None) -> list[OutboxEvent]:
        """Looked up and deleted in one transaction: a document that is replaced meanwhile is not over."""
        at = self._clock()
        with self._catalog.begin() as uow:
            over = uow.upkeep.expired(tenant_id, at, _BATCH)
            return [remove(uow, each.tenant_id, each.document_id, at)[1] for each in over]
