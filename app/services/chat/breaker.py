"""A model that keeps failing is left alone for a while, so that nobody waits for it (M. Nygard, Release It!, 2007)."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

import structlog

from app.observability.metrics import MODEL_BREAKER_OPEN
from pipelines.domain.errors import ModelUnavailable
from pipelines.ports import ChatModel, Message

log = structlog.get_logger()


class BreakingChat:
    """A ChatModel that is not asked for `rest_s` seconds after so many failures in a row.

    Then one question is let through: when it is answered all are again, and when it fails the rest begins anew. A
    listener who leaves says nothing about the model.
    """

    def __init__(
        self,
        model: ChatModel,
        *,
        failures: int = 5,
        rest_s: float = 15,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model = model
        self._failures = failures
        self._rest_s = rest_s
        self._clock = clock
        self._failed = 0  # in a row
        self._rests_until = -math.inf
        self._trying = False

    @property
    def name(self) -> str:
        return self._model.name

    async def available(self) -> bool:
        return self._may_ask() and await self._model.available()

    async def stream(self, messages: Sequence[Message]) -> AsyncGenerator[str, None]:
        if not self._may_ask():
            raise ModelUnavailable(f"{self.name} failed {self._failed} times in a row and is left alone for a while.")
        trial = self._is_open
        self._trying |= trial
        try:
            async with aclosing(self._model.stream(messages)) as pieces:
                async for piece in pieces:
                    yield piece
        except ModelUnavailable:
            self._fail()
            raise
        else:
            self._recover()
        finally:
            if trial:
                self._trying = False

    @property
    def _is_open(self) -> bool:
        return self._failed >= self._failures

    def _may_ask(self) -> bool:
        return not self._is_open or (not self._trying and self._clock() >= self._rests_until)

    def _fail(self) -> None:
        self._failed += 1
        if self._is_open:
            self._rests_until = self._clock() + self._rest_s
            MODEL_BREAKER_OPEN.set(1)
            log.warning("model.left_alone", model=self.name, failures=self._failed, seconds=self._rest_s)

    def _recover(self) -> None:
        if self._is_open:
            log.info("model.recovered", model=self.name)
        self._failed = 0
        MODEL_BREAKER_OPEN.set(0)
