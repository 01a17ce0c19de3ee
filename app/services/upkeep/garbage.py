"""What is over: answers kept for repeated requests, histories of jobs, the engine's journal, uploads that were cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.services.staging import Staging
from pipelines.ports import Catalog, Clock

_ANSWERS = timedelta(hours=24)  # how long an Idempotency-Key is remembered
_UPLOADS = timedelta(hours=24)  # longer than any upload takes

Collect = Callable[[], Awaitable[Mapping[str, int]]]
"""Removes more of what is over; how much of each kind."""

Prune = Callable[[timedelta], Awaitable[int]]
"""Forgets runs of the engine that ended longer ago than that; how many."""


@dataclass(frozen=True, slots=True)
class Garbage:
    catalog: Catalog
    staging: Staging
    prune: Prune | None
    clock: Clock
    history: timedelta
    others: Sequence[Collect] = ()

    async def collect(self) -> dict[str, int]:
        collected = await asyncio.to_thread(self._forget)
        collected["uploads"] = await asyncio.to_thread(self.staging.clear, self.clock() - _UPLOADS)
        for collect in self.others:
            collected.update(await collect())
        if self.prune is not None:
            collected["runs"] = await self.prune(self.history)
        return collected

    def _forget(self) -> dict[str, int]:
        at = self.clock()
        with self.catalog.begin() as uow:
            return {
                "answers": uow.upkeep.forget_answers(at - _ANSWERS),
                "answer_records": uow.answers.forget(at - self.history),
                "job_events": uow.upkeep.forget_history(at - self.history),
            }
