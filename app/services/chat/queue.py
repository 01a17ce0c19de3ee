"""A model answers a few at once: more would make each slower, and on a small GPU none would end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from app.observability.metrics import MODEL_QUEUE_SECONDS, MODEL_RUNNING, MODEL_WAITING
from pipelines.domain.errors import ModelBusy
from pipelines.ports import ChatModel, Message


class QueuedChat:
    """A ChatModel that answers `at_once` questions; `waiting` more wait in line, first come first served.

    The first piece of each answer is empty: its turn has come. ModelBusy when the line is full, or the wait too long.
    """

    def __init__(self, model: ChatModel, *, at_once: int, waiting: int, wait_timeout_s: float) -> None:
        self._model = model
        self._turns = asyncio.Semaphore(at_once)
        self._most_waiting = waiting
        self._wait_timeout_s = wait_timeout_s
        self._waiting = 0

    @property
    def name(self) -> str:
        return self._model.name

    async def available(self) -> bool:
        return await self._model.available()

    async def stream(self, messages: Sequence[Message]) -> AsyncGenerator[str, None]:
        await self._wait()
        try:
            with MODEL_RUNNING.track_inprogress():
                yield ""
                async with aclosing(self._model.stream(messages)) as pieces:
                    async for piece in pieces:
                        yield piece
        finally:
            self._turns.release()

    async def _wait(self) -> None:
        """Until it is this one's turn."""
        if self._turns.locked() and self._waiting >= self._most_waiting:
            raise ModelBusy(f"{self._waiting} questions are waiting for {self.name}.")
        began = time.perf_counter()
        self._waiting += 1
        try:
            with MODEL_WAITING.track_inprogress():
                async with asyncio.timeout(self._wait_timeout_s):
                    await self._turns.acquire()
        except TimeoutError:
            raise ModelBusy(f"{self.name} had no time for {self._wait_timeout_s:g} seconds.") from None
        finally:
            self._waiting -= 1
            MODEL_QUEUE_SECONDS.observe(time.perf_counter() - began)
