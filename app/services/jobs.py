"""Jobs as people follow them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from app.services.documents import start_event
from app.services.outbox import Outbox
from pipelines.domain.access import Principal
from pipelines.domain.errors import Conflict, JobNotFound
from pipelines.domain.jobs import Job, JobEvent, JobStatus
from pipelines.ports import Catalog, Clock, JobFilter


class JobRunning(Conflict):
    """The job has not failed: there is nothing to retry."""

    code = "job_not_failed"


class Jobs:
    def __init__(
        self, catalog: Catalog, outbox: Outbox, clock: Clock, *, poll_s: float = 0.25, batch: int = 200
    ) -> None:
        self._catalog = catalog
        self._outbox = outbox
        self._clock = clock
        self._poll_s = poll_s
        self._batch = batch

    def get(self, principal: Principal, job_id: str) -> Job:
        """Sync. Raises JobNotFound."""
        with self._catalog.read(principal) as uow:
            job = uow.jobs.get(principal, job_id)
        if job is None:
            raise JobNotFound
        return job

    def page(self, principal: Principal, where: JobFilter, after: str | None, limit: int) -> list[Job]:
        """Sync. Newest first."""
        with self._catalog.read(principal) as uow:
            return uow.jobs.page(principal, where, after, limit)

    async def retry(self, principal: Principal, job_id: str) -> Job:
        """Starts a failed or cancelled job again. Raises JobNotFound, JobRunning."""

        def commit() -> Job:
            with self._catalog.begin() as uow:
                job = uow.jobs.get(principal, job_id)
                if job is None:
                    raise JobNotFound
                if job.status not in (JobStatus.FAILED, JobStatus.CANCELLED):
                    raise JobRunning
                job = uow.jobs.start_again(job_id, self._clock())
                uow.outbox.add(start_event(job), self._clock())
            return job

        job = await asyncio.to_thread(commit)
        await self._outbox.dispatch([start_event(job)])
        return job

    async def follow(self, principal: Principal, job_id: str, after: int) -> AsyncIterator[JobEvent | None]:
        """The job's history from `after` on, then what happens, until it ended; None when a moment passes quietly.

        Raises JobNotFound, also when the document stops being readable while it is followed.
        """
        while True:
            job, events = await asyncio.to_thread(self._news, principal, job_id, after)
            for event in events:
                yield event
                after = event.sequence
            if len(events) == self._batch:
                continue
            if job.status.terminal:
                return
            yield None
            await asyncio.sleep(self._poll_s)

    def _news(self, principal: Principal, job_id: str, after: int) -> tuple[Job, list[JobEvent]]:
        with self._catalog.read(principal) as uow:
            job = uow.jobs.get(principal, job_id)
            if job is None:
                raise JobNotFound
            return job, uow.jobs.events(job_id, after, self._batch)
