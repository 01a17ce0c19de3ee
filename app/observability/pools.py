"""A pool of worker processes as Prometheus sees it: what is busy and waits, how tasks end, and what they take."""

from __future__ import annotations

import os
from asyncio import Semaphore
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from app.observability.metrics import (
    WORKER_CPU,
    WORKER_STARTS,
    WORKER_TASKS,
    WORKERS,
    WORKERS_BUSY,
    WORKERS_WAITING,
)
from pipelines.domain.errors import CairnError, OutOfMemory, OutOfTime, StageFailed, WorkerCrashed

_ENDS: tuple[tuple[type[object], str], ...] = (
    (OutOfTime, "out_of_time"),
    (OutOfMemory, "out_of_memory"),
    (WorkerCrashed, "crashed"),
    (StageFailed, "failed"),
    (CairnError, "refused"),
    (object, "done"),
)


class PoolLoad:
    """Of one pool, by its name."""

    def __init__(self, name: str, processes: int) -> None:
        WORKERS.labels(name).set(processes)
        self._busy, self._waiting = WORKERS_BUSY.labels(name), WORKERS_WAITING.labels(name)
        self._starts, self._cpu = WORKER_STARTS.labels(name), WORKER_CPU.labels(name)
        self._tasks = {outcome: WORKER_TASKS.labels(name, outcome) for _, outcome in _ENDS}

    @asynccontextmanager
    async def task(self, free: Semaphore) -> AsyncIterator[None]:
        """While one of the pool's places is waited for, and while it is taken."""
        with self._waiting.track_inprogress():
            await free.acquire()
        try:
            with self._busy.track_inprogress():
                yield
        finally:
            free.release()

    def ended(self, outcome: object) -> None:
        """A task's result, or the error that stands for it: whatever else a file is refused for is one outcome."""
        self._tasks[next(name for kind, name in _ENDS if isinstance(outcome, kind))].inc()

    def started(self) -> None:
        self._starts.inc()

    @contextmanager
    def processor(self, pid: int) -> Iterator[None]:
        """What the process takes of the processor meanwhile; of one that dies, what it took until it was last seen."""
        before = _cpu_s(pid)
        try:
            yield
        finally:
            self._cpu.inc(max(0.0, _cpu_s(pid) - before))


def _cpu_s(pid: int) -> float:
    """Seconds in user and system mode: fields 14 and 15 of Linux' stat. Elsewhere, and of who is gone, 0."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return 0.0
