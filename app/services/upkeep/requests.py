"""A reconciliation that a person asks for, without waiting for the night."""

from __future__ import annotations

import asyncio
from datetime import datetime

from app.services.documents import start_event
from app.services.outbox import Outbox
from pipelines.domain.access import Principal
from pipelines.domain.ids import job_id
from pipelines.domain.jobs import Job, JobKind, queued
from pipelines.ports import Catalog, Clock, UnitOfWork


class Reconciles:
    def __init__(self, catalog: Catalog, outbox: Outbox, clock: Clock) -> None:
        self._catalog = catalog
        self._outbox = outbox
        self._clock = clock

    async def request(self, principal: Principal) -> Job:
        """The job that compares the tenant's indexes and files with its catalog, and mends them. One at a time."""
        job, new = await asyncio.to_thread(self._commit, principal.tenant_id)
        if new:
            await self._outbox.dispatch([start_event(job)])
        return job

    def _commit(self, tenant_id: str) -> tuple[Job, bool]:
        with self._catalog.begin() as uow:
            return ask_for(uow, tenant_id, self._clock())


def ask_for(uow: UnitOfWork, tenant_id: str, at: datetime) -> tuple[Job, bool]:
    """The tenant's reconcile job, and whether it begins with this commit: one that has not ended is that job."""
    job = uow.jobs.find(job_id(JobKind.RECONCILE, tenant_id))
    if job is None:
        job = queued(JobKind.RECONCILE, tenant_id, tenant_id, at)
        uow.jobs.add(job)
    elif not job.status.terminal:
        return job, False
    else:
        job = uow.jobs.start_again(job.id, at)
    uow.outbox.add(start_event(job), at)
    return job, True
