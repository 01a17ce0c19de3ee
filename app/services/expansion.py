"""Questions looked for in other words too, where the operator has the language model think of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

from app.services.chat import in_line
from pipelines.domain.access import Principal
from pipelines.domain.errors import ModelUnavailable
from pipelines.ports import ChatModel
from pipelines.query import rewrite

_LONGEST_REPLY = 1_000  # characters: a model that goes on does not list phrases


class Expansion:
    def __init__(self, chat: ChatModel, *, timeout_s: float = 10) -> None:
        self._chat = chat
        self._timeout_s = timeout_s

    async def phrases(self, principal: Principal, question: str) -> Sequence[str] | None:
        """What documents may write for it; None when the model did not say in time."""
        said = ""
        try:
            async with asyncio.timeout(self._timeout_s):
                if not await self._chat.available():
                    return None
                stream = in_line(self._chat, principal).stream(rewrite.messages(question))
                async with aclosing(stream) as pieces:
                    async for piece in pieces:
                        said += piece
                        if len(said) > _LONGEST_REPLY:
                            break
        except (ModelUnavailable, TimeoutError):
            return None
        return rewrite.phrases(said, question)
