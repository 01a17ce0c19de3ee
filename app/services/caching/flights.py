"""Equal work that is asked for at once is done once, for all who ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(eq=False)
class _Flight(Generic[T]):
    events: list[T] = field(default_factory=list)
    taken: dict[int, int] = field(default_factory=dict)  # by listener: events that it has taken and wants more than
    error: Exception | None = None
    ended: bool = False
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    task: asyncio.Task[None] | None = None

    async def run(self, work: AsyncGenerator[T, None]) -> None:
        try:
            async with aclosing(work):
                async for event in work:
                    async with self.changed:
                        self.events.append(event)
                        self.changed.notify_all()
                        await self.changed.wait_for(lambda: max(self.taken.values(), default=0) >= len(self.events))
        except Exception as error:
            self.error = error
        finally:
            self.ended = True
            async with self.changed:
                self.changed.notify_all()


class Flights(Generic[T]):
    """Streams by key. Nothing is made before the quickest listener wants it; the last one who leaves ends the work."""

    def __init__(self) -> None:
        self._going: dict[str, _Flight[T]] = {}
        self._listeners = 0

    async def join(self, key: str, make: Callable[[], AsyncGenerator[T, None]]) -> AsyncGenerator[tuple[T, bool], None]:
        """Each event, from the first one, and whether it was made for somebody else. Raises what the work does."""
        flight = self._going.get(key)
        shared = flight is not None and not flight.ended
        if flight is None or not shared:
            flight = self._going[key] = _Flight()
            flight.task = asyncio.create_task(flight.run(make()))
        self._listeners += 1
        listener, at = self._listeners, 0
        flight.taken[listener] = 0
        try:
            while True:
                async with flight.changed:
                    flight.taken[listener] = at
                    flight.changed.notify_all()
                    while at == len(flight.events) and not flight.ended:
                        await flight.changed.wait()
                if at < len(flight.events):
                    yield flight.events[at], shared
                    at += 1
                elif flight.error is not None:
                    raise flight.error
                else:
                    return
        finally:
            await self._leave(key, flight, listener)

    async def _leave(self, key: str, flight: _Flight[T], listener: int) -> None:
        del flight.taken[listener]
        if flight.taken and not flight.ended:
            async with flight.changed:
                flight.changed.notify_all()
            return
        if self._going.get(key) is flight:
            del self._going[key]
        if flight.task is not None:
            flight.task.cancel()
            await asyncio.gather(flight.task, return_exceptions=True)
