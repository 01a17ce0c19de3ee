"""A model answers a few at once: more would make each slower, and on a small GPU none would end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from app.observability.metrics import MODEL_QUEUE_SECONDS, MODEL_RUNNING, MODEL_WAITING
from app.services.chat.turns import FairTurns
from pipelines.domain.access import Principal
from pipelines.domain.errors import ModelBusy
from pipelines.ports import ChatModel, Message


class QueuedChat:
    """A ChatModel that answers `at_once` questions; `waiting` more wait, each principal's in a line of their own (`in_line`).

    The first piece of each answer is empty: its turn has come. ModelBusy when the line is full, or the wait too long.
    """

    def __init__(self, model: ChatModel, *, at_once: int, waiting: int, wait_timeout_s: float) -> None:
        self._model = model
        self._turns = FairTurns(at_once)
        self._most_waiting = waiting
        self._wait_timeout_s = wait_timeout_s
        self._waiting = 0

    @property
    def name(self) -> str:
        return self._model.name

    async def available(self) -> bool:
        return await self._model.available()

    def stream(self, messages: Sequence[Message]) -> AsyncGenerator[str, None]:
        return self.stream_for("", messages)

    async def stream_for(self, whose: str, messages: Sequence[Message]) -> AsyncGenerator[str, None]:
        await self._wait(whose)
        try:
            with MODEL_RUNNING.track_inprogress():
                yield ""
                async with aclosing(self._model.stream(messages)) as pieces:
                    async for piece in pieces:
                        yield piece
        finally:
            self._turns.release()

    async def _wait(self, whose: str) -> None:
        """Until it is this one's turn."""
        if self._turns.none_free and self._waiting >= self._most_waiting:
            raise ModelBusy(f"{self._waiting} questions are waiting for {self.name}.")
        began = time.perf_counter()
        self._waiting += 1
        try:
            with MODEL_WAITING.track_inprogress():
                async with asyncio.timeout(self._wait_timeout_s):
                    await self._turns.acquire(whose)
        except TimeoutError:
            raise ModelBusy(f"{self.name} had no time for {self._wait_timeout_s:g} seconds.") from None
        finally:
            self._waiting -= 1
            MODEL_QUEUE_SECONDS.observe(time.perf_counter() - began)


def in_line(chat: ChatModel, principal: Principal) -> ChatModel:
    """The model as this principal asks it: where questions wait, theirs wait in a line of their own."""
    return _Place(chat, principal.who) if isinstance(chat, QueuedChat) else chat


@dataclass(frozen=True, slots=True)
class _Place:
    queued: QueuedChat
    whose: str

    @property
    def name(self) -> str:
        return self.queued.name

    async def available(self) -> bool:
        return await self.queued.available()

    def stream(self, messages: Sequence[Message]) -> AsyncGenerator[str, None]:
        return self.queued.stream_for(self.whose, messages)
