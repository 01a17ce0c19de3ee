"""What functions may ask for, in real time, of an executor in a process of its own."""

from __future__ import annotations

import asyncio
import datetime as dt
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any

import inngest

from tests.integration.embedded.remote import Remote, executor, free_port, remote, serving_app
from tests.integration.embedded.support import Calls, Gauge

SECOND, HOUR = dt.timedelta(seconds=1), dt.timedelta(hours=1)


@asynccontextmanager
async def serving(folder: Path, *makers: Callable[[Remote], inngest.Function[Any]]) -> AsyncIterator[Remote]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(remote(free_port()))
        functions = [make(server) for make in makers]
        app_port = await stack.enter_async_context(serving_app(server.client, functions))
        await stack.enter_async_context(executor(server.port, folder / "journal.db"))
        assert (await server.register(app_port))["ok"] is True
        yield server


def function(
    fn_id: str, **options: Any
) -> Callable[[Callable[[inngest.Context], Any]], Callable[[Remote], inngest.Function[Any]]]:
    """Decorate a handler into what `serving` makes a function of; its event has its name."""
    options.setdefault("trigger", inngest.TriggerEvent(event=fn_id))
    return lambda handler: lambda server: server.client.create_function(fn_id=fn_id, **options)(handler)


async def until(holds: Callable[[], Any], timeout_s: float = 20) -> None:
    async with asyncio.timeout(timeout_s):
        while not holds():
            await asyncio.sleep(0.01)


async def test_a_sleep_and_what_the_view_shows_of_a_run(tmp_path: Path) -> None:
    calls = Calls()

    @function("sleeper")
    async def sleeper(ctx: inngest.Context) -> dict[str, int]:
        await ctx.step.run("before", calls.step({"pages": 3}))
        await ctx.step.sleep("nap", 2_000)
        await ctx.step.run("after", calls.step(None))
        return {"woken": 1}

    @function("breaker", retries=0)
    async def breaker(ctx: inngest.Context) -> None:
        async def fall() -> None:
            raise ValueError("no bottom")

        await ctx.step.run("fall", fall)

    async with serving(tmp_path, sleeper, breaker) as server:
        began = time.monotonic()
        event = await server.send("sleeper", {"n": 1})
        await until(lambda: len(calls.made) == 1)
        (running,) = await server.runs(event)
        assert (running["status"], running["output"]) == ("RUNNING", None)
        run = await server.ended(event)
        assert time.monotonic() - began >= 2
        steps = await server.get(f"/v0/runs/{run['id']}/steps")
        assert await server.get(f"/v0/runs/{run['id']}") == run
        broken = await server.ended(await server.send("breaker"))
        (fallen,) = await server.get(f"/v0/runs/{broken['id']}/steps")
    assert {"id", "function_id", "status", "output", "events"} <= run.keys()
    assert (run["status"], run["function_id"], run["output"]) == ("COMPLETED", "remote-sleeper", {"woken": 1})
    assert [(each["name"], each["data"]) for each in run["events"]] == [("sleeper", {"n": 1})]
    assert all({"id", "name", "status", "output", "error"} <= step.keys() for step in steps)
    assert [(step["name"], step["status"], step["output"], step["error"]) for step in steps] == [
        ("before", "COMPLETED", {"pages": 3}, None),
        ("nap", "COMPLETED", None, None),
        ("after", "COMPLETED", None, None),
    ]
    assert (broken["status"], fallen["status"], fallen["output"]) == ("FAILED", "FAILED", None)
    assert fallen["error"]["message"] == "no bottom"


async def test_a_tick_that_was_missed_while_nothing_ran_comes_once(tmp_path: Path) -> None:
    ticks, journal = Calls(), tmp_path / "journal.db"

    @function("yearly", trigger=inngest.TriggerCron(cron="TZ=Europe/Berlin 0 3 29 2 *"))
    async def yearly(ctx: inngest.Context) -> None:
        ticks.made.append(ctx.event.name)

    async with serving(tmp_path, yearly) as server:
        await server.send("nobody-listens")
    with closing(sqlite3.connect(journal)) as sql, sql:
        assert sql.execute("UPDATE schedule SET next_at = 1").rowcount == 1  # as if nothing had run since 1970
    async with serving(tmp_path, yearly):
        await until(lambda: ticks.made)
    assert ticks.made == ["inngest/scheduled.timer"]


async def test_how_many_run_at_once_and_in_which_order(tmp_path: Path) -> None:
    pairs, tenants, queue, throttled = Gauge(), Gauge(), Gauge(), Calls()

    @function("pairs", concurrency=[inngest.Concurrency(limit=2)])
    async def in_pairs(ctx: inngest.Context) -> None:
        await ctx.step.run("hold", pairs.pass_through)

    @function("tenants", concurrency=[inngest.Concurrency(limit=1, key="event.data.tenant")])
    async def by_tenant(ctx: inngest.Context) -> None:
        await tenants.pass_through(ctx.event.data["tenant"])

    @function("queued", concurrency=[inngest.Concurrency(limit=1)], priority=inngest.Priority(run="event.data.urgency"))
    async def queued(ctx: inngest.Context) -> None:
        await queue.pass_through(ctx.event.data["n"])

    @function("throttled", throttle=inngest.Throttle(limit=1, period=SECOND))
    async def slowly(ctx: inngest.Context) -> None:
        throttled.made.append(time.monotonic())

    async with serving(tmp_path, in_pairs, by_tenant, queued, slowly) as server:
        for n in range(4):
            await server.send("throttled")
            await server.send("pairs")
            await server.send("tenants", {"tenant": "ab"[n % 2]})
        await server.send("queued", {"n": 0, "urgency": 0})
        await until(lambda: queue.inside == 1)
        for n, urgency in ((1, -100), (2, 0), (3, 100)):
            await server.send("queued", {"n": n, "urgency": urgency})
        await until(lambda: pairs.inside == 2 and tenants.inside == 2)
        for gauge in (pairs, tenants, queue):
            gauge.gate.set()
        await until(lambda: all(len(gauge.entered) == 4 for gauge in (pairs, tenants, queue)))
        await until(lambda: len(throttled.made) == 4)
    assert (pairs.most, tenants.most, queue.most) == (2, 2, 1)
    assert sorted(tenants.entered[:2], key=str) == ["a", "b"]
    assert queue.entered == [0, 3, 2, 1]
    assert throttled.made[-1] - throttled.made[0] >= 1.5, "two at once, and then one a second"


async def test_which_events_start_a_run(tmp_path: Path) -> None:
    calls: dict[str, list[Any]] = {"limited": [], "paid": [], "once": [], "picky": [], "batched": []}
    wanted = inngest.TriggerEvent(
        event="picky", expression="event.data.size > 10 && event.data.kind in ['pdf', 'docx']"
    )

    @function("limited", rate_limit=inngest.RateLimit(limit=1, period=HOUR, key="event.data.n"))
    async def limited(ctx: inngest.Context) -> None:
        calls["limited"].append(ctx.event.data["n"])

    @function("paid", idempotency="event.data.n")
    async def paid(ctx: inngest.Context) -> None:
        calls["paid"].append(ctx.event.data["n"])

    @function("once")
    async def once(ctx: inngest.Context) -> None:
        calls["once"].append(ctx.event.data["n"])

    @function("picky", trigger=wanted)
    async def picky(ctx: inngest.Context) -> None:
        calls["picky"].append(ctx.event.data["n"])

    @function("batched", batch_events=inngest.Batch(max_size=2, timeout=SECOND, key="event.data.tenant"))
    async def batched(ctx: inngest.Context) -> None:
        calls["batched"].append([event.data["n"] for event in ctx.events])

    async with serving(tmp_path, limited, paid, once, picky, batched) as server:
        for n in (1, 1, 2):
            await server.send("limited", {"n": n})
            await server.send("paid", {"n": n})
            await server.send("once", {"n": n}, id=f"order-{n}")
        for n, data in enumerate([{"size": 11, "kind": "pdf"}, {"size": 9, "kind": "pdf"}, {"size": 11}, {}]):
            await server.send("picky", {"n": n, **data})
        for n, tenant in enumerate("ababa"):
            await server.send("batched", {"n": n, "tenant": tenant})
        await until(lambda: sum(map(len, calls["batched"])) == 5)
        await until(lambda: all(len(calls[name]) >= 2 for name in ("limited", "paid", "once")))
        await asyncio.sleep(0.3)  # for what must not come
    assert (sorted(calls["limited"]), sorted(calls["paid"]), sorted(calls["once"])) == ([1, 2], [1, 2], [1, 2])
    assert calls["picky"] == [0]
    assert sorted(calls["batched"]) == [[0, 2], [1, 3], [4]]


async def test_a_run_that_does_not_start_or_finish_in_time_is_cancelled(tmp_path: Path) -> None:
    gauge, told = Gauge(), Calls()

    @function("late", concurrency=[inngest.Concurrency(limit=1)], timeouts=inngest.Timeouts(start=SECOND))
    async def late(ctx: inngest.Context) -> None:
        await ctx.step.run("hold", gauge.pass_through)

    @function("long", timeouts=inngest.Timeouts(finish=SECOND))
    async def long(ctx: inngest.Context) -> None:
        await ctx.step.sleep("nap", HOUR)

    @function("listener", trigger=inngest.TriggerEvent(event="inngest/function.cancelled"))
    async def listener(ctx: inngest.Context) -> None:
        told.made.append(ctx.event.data["function_id"])

    async with serving(tmp_path, late, long, listener) as server:
        running = await server.send("late")
        await until(lambda: gauge.inside == 1)
        queued, unfinished = await server.send("late"), await server.send("long")
        assert "start" in (await server.ended(queued))["output"]["message"]
        assert "finish" in (await server.ended(unfinished))["output"]["message"]
        gauge.gate.set()
        ended = [(await server.ended(event))["status"] for event in (running, queued, unfinished)]
        await until(lambda: len(told.made) == 2)
    assert ended == ["COMPLETED", "CANCELLED", "CANCELLED"]
    assert sorted(told.made) == ["remote-late", "remote-long"]
