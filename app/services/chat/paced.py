"""A model that falls silent is given up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from pipelines.domain.errors import ModelTimedOut
from pipelines.ports import ChatModel, Message


class PacedChat:
    """A ChatModel whose pieces come in time, or ModelTimedOut. The first may take long: a model is loaded, a prompt read."""

    def __init__(self, model: ChatModel, *, first_token_timeout_s: float, token_timeout_s: float) -> None:
        self._model = model
        self._first_token_timeout_s = first_token_timeout_s
        self._token_timeout_s = token_timeout_s

    @property
    def name(self) -> str:
        return self._model.name

    async def available(self) -> bool:
        return await self._model.available()

    async def stream(self, messages: Sequence[Message]) -> AsyncGenerator[str, None]:
        timeout_s = self._first_token_timeout_s
        async with aclosing(self._model.stream(messages)) as pieces:
            while True:
                try:
                    async with asyncio.timeout(timeout_s):
                        piece = await anext(pieces)
                except StopAsyncIteration:
                    return
                except TimeoutError:
                    raise ModelTimedOut(f"The model said nothing for {timeout_s:g} seconds.") from None
                yield piece
                timeout_s = self._token_timeout_s
