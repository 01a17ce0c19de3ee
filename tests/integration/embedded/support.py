"""A product of a few functions, served by the executor as the application serves it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fastapi
import inngest
import inngest.fast_api

from workflows.embedded import EmbeddedExecutor, RunRecord, StepRecord

EVENT_KEY = "event-key"
SIGNING_KEY = "signkey-prod-" + "ab" * 16
Maker = Callable[[inngest.Inngest], inngest.Function[Any]]


class ShiftedClock:
    """The real time and what a test adds to it: the SDK computes the end of a sleep from the real time."""

    def __init__(self) -> None:
        self._shift = 0.0
        self._moved: set[asyncio.Event] = set()

    def now(self) -> float:
        return time.time() + self._shift

    async def wait(self, wake: asyncio.Event, timeout_s: float | None) -> None:
        moved = asyncio.Event()
        self._moved.add(moved)
        waits = [asyncio.ensure_future(event.wait()) for event in (wake, moved)]
        try:
            await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._moved.discard(moved)
            for wait in waits:
                wait.cancel()

    def advance(self, seconds: float) -> None:
        self._shift += seconds
        for moved in self._moved:
            moved.set()


@dataclass
class Served:
    client: inngest.Inngest
    executor: EmbeddedExecutor
    clock: ShiftedClock
    app: fastapi.FastAPI

    async def send(self, name: str, data: dict[str, Any] | None = None, **event: Any) -> str:
        return (await self.client.send(inngest.Event(name=name, data=data or {}, **event)))[0]

    async def outcome(self, event_id: str, timeout_s: float = 15.0) -> RunRecord:
        """The one run of an event, when nothing is left to do."""
        await self.executor.wait_idle(timeout_s)
        (run,) = await self.executor.runs_of_event(event_id)
        return run

    async def run_of(self, event_id: str) -> RunRecord:
        (run,) = await self.executor.runs_of_event(event_id)
        return run

    async def steps(self, event_id: str) -> dict[str, StepRecord]:
        run = await self.run_of(event_id)
        return {step.name: step for step in await self.executor.steps(run.id)}

    async def until_waiting(self, *event_ids: str) -> None:
        """Until the run of each event waits for something."""
        async with asyncio.timeout(10):
            for event_id in event_ids:
                while not any(step.status == "waiting" for step in (await self.steps(event_id)).values()):
                    await asyncio.sleep(0.005)

    async def until_retrying(self, event_id: str) -> None:
        """Until a call of the event's run failed and is to be made again later."""
        async with asyncio.timeout(10):
            while (await self.run_of(event_id)).error is None:
                await asyncio.sleep(0.005)

    async def until_ended(self, event_id: str) -> RunRecord:
        async with asyncio.timeout(10):
            while (run := await self.run_of(event_id)).status == "RUNNING":
                await asyncio.sleep(0.005)
        return run

    async def until(self, holds: Callable[[], Any], timeout_s: float = 10.0) -> None:
        """Wait for something that a function does and tells nobody."""
        async with asyncio.timeout(timeout_s):
            while not holds():
                await asyncio.sleep(0.002)


@asynccontextmanager
async def served(journal: Path, makers: Sequence[Maker], **options: Any) -> AsyncIterator[Served]:
    """The functions, running. The same journal served again takes up what was left."""
    clock = options.pop("clock", None) or ShiftedClock()
    wrap = options.pop("wrap", lambda asgi: asgi)
    options = {"backoff": lambda _: 0.0, "grace_s": 0.2, **options}
    client = inngest.Inngest(app_id="app", is_production=True, event_key=EVENT_KEY, signing_key=SIGNING_KEY)
    executor = EmbeddedExecutor(journal, event_key=EVENT_KEY, signing_key=SIGNING_KEY, clock=clock, **options)
    executor.attach(client)
    app = fastapi.FastAPI()
    inngest.fast_api.serve(app, client, [make(client) for make in makers])
    async with executor.serving(wrap(app), "/api/inngest"):
        yield Served(client, executor, clock, app)


@dataclass
class Calls:
    """What steps did, in order."""

    made: list[Any] = field(default_factory=list)

    def step(self, result: Any = None, label: Any = None) -> Callable[[], Any]:
        async def run() -> Any:
            self.made.append(result if label is None else label)
            return result

        return run


def function(fn_id: str, event: str = "go", **options: Any) -> Callable[[Callable[[inngest.Context], Any]], Maker]:
    """Decorate a handler into something that `served` makes a function of."""

    def decorate(handler: Callable[[inngest.Context], Any]) -> Maker:
        def make(client: inngest.Inngest) -> inngest.Function[Any]:
            trigger = options.get("trigger", inngest.TriggerEvent(event=event))
            return client.create_function(fn_id=fn_id, **{**options, "trigger": trigger})(handler)

        return make

    return decorate


class Gauge:
    """Holds calls until released, and knows how many were held at once."""

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0
        self.entered: list[object] = []
        self.gate = asyncio.Event()

    async def pass_through(self, who: object = None) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.entered.append(who)
        await self.gate.wait()
        self.inside -= 1
