"""What can only be known by looking, looked at when Prometheus asks."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from app.observability.metrics import (
    DEPENDENCY_UP,
    DISK_BYTES,
    DISK_FREE_BYTES,
    EVENTS_WAITING,
    JOBS_UNFINISHED,
    OLDEST_JOB_SECONDS,
    OLLAMA_BYTES,
    OLLAMA_LOADED,
)
from app.services.health import Health
from app.services.sizes import Sizes
from pipelines.domain.errors import DependencyUnavailable, ModelUnavailable
from pipelines.domain.jobs import JobStatus
from pipelines.ports import Catalog, Clock

_UNFINISHED = (JobStatus.QUEUED, JobStatus.RUNNING)


class LoadedModels(Protocol):
    """What Ollama holds in memory, in bytes."""

    @property
    def models(self) -> int: ...
    @property
    def vram_bytes(self) -> int: ...
    @property
    def ram_bytes(self) -> int: ...


class Gauges:
    """Whoever asks within `fresh_s` of another is given what that one saw. `loaded` None: there is no Ollama to ask."""

    def __init__(
        self,
        health: Health,
        catalog: Catalog,
        folder: Path,
        clock: Clock,
        sizes: Sizes,
        loaded: Callable[[], Awaitable[LoadedModels]] | None = None,
        *,
        fresh_s: float = 5,
    ) -> None:
        self._sizes = sizes
        self._loaded = loaded
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
            states, *_ = await asyncio.gather(self._health.states(), self._look_at_models(), self._sizes.look())
            for state in states:
                DEPENDENCY_UP.labels(state.name).set(state.ok)
            disk = shutil.disk_usage(self._folder)
            DISK_FREE_BYTES.set(disk.free)
            DISK_BYTES.set(disk.total)
            with suppress(DependencyUnavailable):
                await asyncio.to_thread(self._count)
            self._looked = time.monotonic()

    async def _look_at_models(self) -> None:
        if self._loaded is None:
            return
        try:
            held = await self._loaded()
            found = held.models, held.vram_bytes, held.ram_bytes
        except ModelUnavailable:  # what does not answer has nothing that could be used
            found = 0, 0, 0
        models, vram, ram = found
        OLLAMA_LOADED.set(models)
        OLLAMA_BYTES.labels("vram").set(vram)
        OLLAMA_BYTES.labels("ram").set(ram)

    def _count(self) -> None:
        with self._catalog.read() as uow:
            unfinished, waiting = uow.jobs.unfinished(), uow.outbox.size()
        for status in _UNFINISHED:
            number, since = unfinished.get(status, (0, None))
            JOBS_UNFINISHED.labels(status.value).set(number)
            OLDEST_JOB_SECONDS.labels(status.value).set((self._clock() - since).total_seconds() if since else 0)
        EVENTS_WAITING.set(waiting)
