"""Time as the executor sees it: wall time for timers, which survive restarts; the loop's monotonic time for waiting."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

# A wall clock that is set forward must not leave timers waiting for the old time, so no wait is longer than this.
LONGEST_WAIT_S = 15.0


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    async def wait(self, wake: asyncio.Event, timeout_s: float | None) -> None:
        """Return when `wake` is set or about `timeout_s` seconds have passed, whichever is first."""
        ...


class SystemClock:
    def now(self) -> float:
        return time.time()

    async def wait(self, wake: asyncio.Event, timeout_s: float | None) -> None:
        limit = LONGEST_WAIT_S if timeout_s is None else min(max(timeout_s, 0.0), LONGEST_WAIT_S)
        try:
            async with asyncio.timeout(limit):
                await wake.wait()
        except TimeoutError:
            return
