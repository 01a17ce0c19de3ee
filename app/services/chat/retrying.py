"""A model that fails before it said anything is asked again: nobody has seen a word yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from itertools import count

from app.observability.metrics import MODEL_RETRIES
from pipelines.domain.errors import ModelMissing, ModelTimedOut, ModelUnavailable
from pipelines.ports import ChatModel, Message

_GROWTH = 4  # of the wait, from one retry to the next


class RetryingChat:
    """A ChatModel that is asked again, `retries` times at most; not where it is missing, or was waited for already."""

    def __init__(
        self,
        model: ChatModel,
        *,
        retries: int = 2,
        wait_s: float = 0.25,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._model = model
        self._retries = retries
        self._wait_s = wait_s
        self._sleep = sleep

    @property
    def name(self) -> str:
        return self._model.name

    async def available(self) -> bool:
        return await self._model.available()

    async def stream(self, messages: Sequence[Message]) -> AsyncGenerator[str, None]:
        for attempt in count():
            begun = False
            try:
                async with aclosing(self._model.stream(messages)) as pieces:
                    async for piece in pieces:
                        begun = True
                        yield piece
                return
            except (ModelTimedOut, ModelMissing):
                raise
            except ModelUnavailable:
                if begun or attempt == self._retries:
                    raise
            MODEL_RETRIES.inc()
            await self._sleep(self._wait_s * _GROWTH**attempt)
