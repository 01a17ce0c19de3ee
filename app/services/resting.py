"""A vector index that does not answer is left alone, so that only the first question waits for it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from typing import Protocol

import structlog

from app.observability.metrics import VECTORS_RESTING
from pipelines.domain.documents import Generation
from pipelines.domain.errors import IndexUnavailable
from pipelines.domain.views import Selection
from pipelines.ports import Hit, Vectors

log = structlog.get_logger()


class Nearest(Protocol):
    """What of a VectorIndex (pipelines/ports.py) answers questions."""

    async def query(
        self, generation: Generation, vector: Vectors, limit: int, within: Selection | None = None
    ) -> list[Hit]: ...


class RestingVectors:
    """Nearest, around another. A query that fails or takes longer than `timeout_s` is IndexUnavailable, and so is each after
    it, at once, until one is answered again: every `rest_s` seconds the query of a question is put to the index once more,
    and no question waits for that."""

    def __init__(
        self,
        vectors: Nearest,
        *,
        timeout_s: float,
        rest_s: float = 2,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._vectors = vectors
        self._timeout_s = timeout_s
        self._rest_s = rest_s
        self._clock = clock
        self._rests_until = -math.inf
        self._resting = False
        self._trial: asyncio.Task[None] | None = None

    async def query(
        self, generation: Generation, vector: Vectors, limit: int, within: Selection | None = None
    ) -> list[Hit]:
        if not self._resting:
            return await self._ask(generation, vector, limit, within)
        if self._clock() >= self._rests_until and (self._trial is None or self._trial.done()):
            self._trial = asyncio.create_task(self._try(generation, vector, limit, within))
        raise IndexUnavailable("The vector index did not answer lately and is left alone for a while.")

    async def _ask(self, generation: Generation, vector: Vectors, limit: int, within: Selection | None) -> list[Hit]:
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await self._vectors.query(generation, vector, limit, within)
        except TimeoutError:
            self._rest()
            raise IndexUnavailable(f"The vector index said nothing for {self._timeout_s:g} seconds.") from None
        except IndexUnavailable:
            self._rest()
            raise
        return found

    async def _try(self, generation: Generation, vector: Vectors, limit: int, within: Selection | None) -> None:
        try:
            await self._ask(generation, vector, limit, within)
        except IndexUnavailable:
            return
        self._resting = False
        VECTORS_RESTING.set(0)
        log.info("vectors.recovered")

    def _rest(self) -> None:
        if not self._resting:
            log.warning("vectors.left_alone", seconds=self._rest_s)
        self._resting = True
        self._rests_until = self._clock() + self._rest_s
        VECTORS_RESTING.set(1)
