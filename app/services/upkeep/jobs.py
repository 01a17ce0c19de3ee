"""Jobs that nobody works on any more: the engine lost them, or they gave up with a document half deleted."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from app.observability.metrics import DRIFT
from app.services.documents import start_event
from app.services.outbox import Outbox
from pipelines.domain.jobs import OutboxEvent
from pipelines.ports import Catalog, Clock

log = structlog.get_logger()

_IDLE = timedelta(hours=6)  # more than the longest wait between two attempts of a step
_FORGOTTEN = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class JobReconciliation:
    catalog: Catalog
    outbox: Outbox
    clock: Clock

    async def reconcile(self, tenant_id: str | None) -> dict[str, int]:
        """Starts them again; how many of each."""
        drift, events = await asyncio.to_thread(self._start_again, tenant_id)
        await self.outbox.dispatch(events)
        for kind, found in drift.items():
            DRIFT.labels(kind).inc(found)
        return drift

    def _start_again(self, tenant_id: str | None) -> tuple[dict[str, int], list[OutboxEvent]]:
        at, events = self.clock(), []
        with self.catalog.begin() as uow:
            undeleted = uow.upkeep.undeleted(tenant_id)
            abandoned = uow.upkeep.silent(tenant_id, self._silent_since(uow.upkeep.last_heard(), at))
            for job_id in (*undeleted, *abandoned):
                event = start_event(uow.jobs.start_again(job_id, at))
                uow.outbox.add(event, at)
                events.append(event)
        return {"undeleted_documents": len(undeleted), "abandoned_jobs": len(abandoned)}, events

    def _silent_since(self, last_heard: datetime | None, at: datetime) -> datetime:
        """A job waits its turn for as long as others go on. When nothing went on for hours, nobody works on it."""
        idle = last_heard is None or last_heard < at - _IDLE
        return at - (_IDLE if idle else _FORGOTTEN)
