"""Turns that go round among those who wait, so that nobody's many questions stand before another's first."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque


class FairTurns:
    """`at_once` turns at a time. Who waits has a line of their own, first come first served; the lines take turns."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._lines: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def none_free(self) -> bool:
        return self._free == 0

    async def acquire(self, whose: str) -> None:
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines.setdefault(whose, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it came in the moment in which nobody wanted it any more
                self.release()
            raise

    def release(self) -> None:
        """The next line's first is on."""
        while self._lines:
            whose, line = self._lines.popitem(last=False)
            turn = line.popleft()
            if line:
                self._lines[whose] = line  # after the others
            if not turn.done():  # else who waited has gone
                turn.set_result(None)
                return
        self._free += 1
