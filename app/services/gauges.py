"""What can only be known by looking, looked at when Prometheus asks."""

from __future__ import annotations

import asyncio
import shutil
import time
from contextlib import suppress
from pathlib import Path

from app.observability.metrics import (
    DEPENDENCY_UP,
    DISK_FREE_BYTES,
    EVENTS_WAITING,
    JOBS_UNFINISHED,
    OLDEST_JOB_SECONDS,
)
from app.services.health import Health
from pipelines.domain.errors import DependencyUnavailable
from pipelines.domain.jobs import JobStatus
from pipelines.ports import Catalog, Clock

_UNFINISHED = (JobStatus.QUEUED, JobStatus.RUNNING)


class Gauges:
    """Whoever asks within `fresh_s` of another is given what that one saw."""

    def __init__(self, health: Health, catalog: Catalog, folder: Path, clock: Clock, *, fresh_s: float = 5) -> None:
        self._health = health
        self._catalog = catalog
        self._folder = folder
        self._clock = clock
        self._fresh_s = fresh_s
        self._looked: float | None = None
        self._turn = asyncio.Lock()

    async def look(self) -> None:
        """What cannot be seen keeps its last value; `cairn_dependency_up` says why."""
        async with self._turn:
            if self._looked is not None and time.monotonic() - self._looked < self._fresh_s:
                return
            for state in await self._health.states():
                DEPENDENCY_UP.labels(state.name).set(state.ok)
            DISK_FREE_BYTES.set(shutil.disk_usage(self._folder).free)
            with suppress(DependencyUnavailable):
                await asyncio.to_thread(self._count)
            self._looked = time.monotonic()

    def _count(self) -> None:
        with self._catalog.read() as uow:
            unfinished, waiting = uow.jobs.unfinished(), uow.outbox.size()
        for status in _UNFINISHED:
            number, since = unfinished.get(status, (0, None))
            JOBS_UNFINISHED.labels(status.value).set(number)
            OLDEST_JOB_SECONDS.labels(status.value).set((self._clock() - since).total_seconds() if since else 0)
        EVENTS_WAITING.set(waiting)
