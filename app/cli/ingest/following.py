"""Following many jobs with few requests: those begun first end first, so only some at the head are looked at."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from app.client import Cairn
from app.client.models import Job

_HEAD = 12
_EVERY_S = 1.0


class Following:
    def __init__(self, client: Cairn, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._pending: dict[str, Path] = {}
        self._next_s = 0.0

    def add(self, job_id: str, path: Path) -> None:
        self._pending[job_id] = path

    @property
    def pending(self) -> int:
        return len(self._pending)

    @property
    def due_s(self) -> float:
        """Seconds until it is worth a look."""
        return max(0.0, self._next_s - self._clock())

    def ended(self) -> Iterator[tuple[Path, Job]]:
        """Those that ended since. Raises ClientError."""
        if self.due_s:
            return
        going_on = 0
        for job_id in list(self._pending):
            job = self._client.job(job_id)
            if job.ended:
                yield self._pending.pop(job_id), job
            elif (going_on := going_on + 1) == _HEAD:
                break
        self._next_s = self._clock() + _EVERY_S
