"""Equal work at once is done once: everyone gets all of it, at the pace of the quickest, and nobody's leaving ends another's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest

from app.services.caching.flights import Flights
from pipelines.domain.errors import ModelUnavailable


@dataclass
class Work:
    """Counts to `end`, and says what became of it."""

    end: int = 3
    fails: bool = False
    begun: int = 0
    made: list[int] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self) -> AsyncGenerator[int, None]:
        self.begun += 1
        try:
            for number in range(self.end):
                self.made.append(number)
                yield number
            if self.fails:
                raise ModelUnavailable
        finally:
            self.closed.set()


async def _all(flights: Flights[int], work: Work) -> list[tuple[int, bool]]:
    async with aclosing(flights.join("key", work)) as events:
        return [event async for event in events]


async def test_everyone_gets_everything_and_it_is_made_once() -> None:
    flights, work = Flights[int](), Work()
    first, *others = await asyncio.gather(*(_all(flights, work) for _ in range(5)))
    assert work.begun == 1
    assert first == [(0, False), (1, False), (2, False)]
    assert others == [[(0, True), (1, True), (2, True)]] * 4
    await _all(flights, work)
    assert work.begun == 2, "what is over is begun anew"


async def test_a_failure_is_everybodys() -> None:
    flights, work = Flights[int](), Work(fails=True)
    found = await asyncio.gather(*(_all(flights, work) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(each, ModelUnavailable) for each in found)
    assert work.begun == 1


async def test_nothing_is_made_before_it_is_wanted() -> None:
    flights, work = Flights[int](), Work(end=100)
    async with aclosing(flights.join("key", work)) as events:
        await anext(events)
        await anext(events)
        await asyncio.sleep(0.05)
        assert len(work.made) <= 3
    async with asyncio.timeout(1):
        await work.closed.wait()


async def test_who_leaves_ends_it_only_for_himself() -> None:
    flights, work = Flights[int](), Work(end=5)
    staying, leaving = flights.join("key", work), flights.join("key", work)
    await anext(staying)
    await anext(leaving)
    await staying.aclose()
    assert not work.closed.is_set()
    assert [number async for number, _ in leaving] == [1, 2, 3, 4]
    assert work.closed.is_set()


async def test_the_last_who_leaves_ends_the_work() -> None:
    flights, work = Flights[int](), Work(end=1_000)
    one, two = flights.join("key", work), flights.join("key", work)
    await anext(one)
    await anext(two)
    await one.aclose()
    await two.aclose()
    assert work.closed.is_set()
    assert len(work.made) < 10


async def test_an_error_in_the_middle_of_a_wait_is_not_swallowed() -> None:
    flights = Flights[int]()

    async def never() -> AsyncGenerator[int, None]:
        await asyncio.Event().wait()
        yield 0

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05), aclosing(flights.join("key", never)) as events:
            await anext(events)
    assert flights._going == {}
