"""Jobs that nobody works on: the engine lost them, or they gave up with a document half deleted."""

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
# An event is sent again while its engine still knows its id, and takes a second one for the first.
_UNSTARTED = timedelta(minutes=1)
_KNOWN = timedelta(hours=20)
_AT_ONCE = 100


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

    async def send_again(self) -> dict[str, int]:
        """The events of jobs that wait to begin, the oldest. An engine may take an event and lose it: the Inngest server does
        while its Redis is gone. Of those that it has it drops the second."""
        events = await asyncio.to_thread(self._unstarted)
        taken = await self.outbox.dispatch(events)
        return {"sent": len(events) if taken else 0}

    def _unstarted(self) -> list[OutboxEvent]:
        now = self.clock()
        with self.catalog.read() as uow:
            waiting = uow.upkeep.unstarted(now - _KNOWN, now - _UNSTARTED, _AT_ONCE)
            return [start_event(job) for job in map(uow.jobs.find, waiting) if job is not None]

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
