"""How many functions run at once, and which events start none."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import inngest
import pytest

from tests.integration.embedded.support import Calls, Gauge, function, served

HOUR = dt.timedelta(hours=1)


@pytest.mark.parametrize(
    ("rules", "together"),
    [
        ([inngest.Concurrency(limit=2)], 2),
        ([inngest.Concurrency(limit=1, key="event.data.tenant")], 2),
        ([inngest.Concurrency(limit=1, key="event.data.tenant"), inngest.Concurrency(limit=1)], 1),
        ([inngest.Concurrency(limit=3, scope="env", key="'gpu'")], 3),
    ],
    ids=["function", "per tenant", "both", "shared"],
)
async def test_no_more_calls_at_once_than_allowed(
    journal: Path, rules: list[inngest.Concurrency], together: int
) -> None:
    gauge = Gauge()

    @function("limited", concurrency=rules)
    async def handler(ctx: inngest.Context) -> None:
        await ctx.step.run("hold", gauge.pass_through)

    async with served(journal, [handler]) as app:
        for number in range(8):
            await app.send("go", {"tenant": number % 2})
        await app.until(lambda: gauge.inside == together)
        gauge.gate.set()
        await app.executor.wait_idle()
    assert gauge.most == together
    assert len(gauge.entered) == 8


async def test_functions_share_a_limit_by_its_key(journal: Path) -> None:
    gauge = Gauge()
    limit = [inngest.Concurrency(limit=1, scope="env", key="'gpu'")]

    @function("one", concurrency=limit)
    async def one(ctx: inngest.Context) -> None:
        await ctx.step.run("hold", gauge.pass_through)

    @function("two", concurrency=limit)
    async def two(ctx: inngest.Context) -> None:
        await ctx.step.run("hold", gauge.pass_through)

    async with served(journal, [one, two]) as app:
        await app.send("go")
        await app.until(lambda: gauge.inside == 1)
        gauge.gate.set()
        await app.executor.wait_idle()
    assert (gauge.most, len(gauge.entered)) == (1, 2)


async def test_a_sleeping_run_leaves_its_place_to_others(journal: Path) -> None:
    calls = Calls()

    @function("sleeper", concurrency=[inngest.Concurrency(limit=1)])
    async def handler(ctx: inngest.Context) -> None:
        calls.made.append("called")
        await ctx.step.sleep("nap", HOUR)

    async with served(journal, [handler]) as app:
        await app.until_waiting(await app.send("go"), await app.send("go"))
        app.clock.advance(3_601)
        await app.executor.wait_idle()
    assert calls.made == ["called"] * 4


async def test_priority_moves_a_run_ahead(journal: Path) -> None:
    gauge = Gauge()

    @function(
        "queued",
        concurrency=[inngest.Concurrency(limit=1)],
        priority=inngest.Priority(run="event.data.urgent ? 120 : event.data.later ? -120 : 0"),
    )
    async def handler(ctx: inngest.Context) -> None:
        await gauge.pass_through(ctx.event.data["n"])

    async with served(journal, [handler]) as app:
        await app.send("go", {"n": 0})
        await app.until(lambda: gauge.inside == 1)
        await app.send("go", {"n": 1, "later": True})
        await app.send("go", {"n": 2})
        await app.send("go", {"n": 3, "urgent": True})
        gauge.gate.set()
        await app.executor.wait_idle()
    assert gauge.entered == [0, 3, 2, 1]


async def test_throttle_lets_runs_start_at_its_pace_and_loses_none(journal: Path) -> None:
    calls = Calls()

    @function("throttled", throttle=inngest.Throttle(limit=1, period=dt.timedelta(minutes=1), burst=2))
    async def handler(ctx: inngest.Context) -> None:
        calls.made.append(ctx.event.data["n"])

    async with served(journal, [handler]) as app:
        for number in range(5):
            await app.send("go", {"n": number})
        await app.until(lambda: len(calls.made) == 3)  # one, and a burst of two
        app.clock.advance(61)
        await app.until(lambda: len(calls.made) == 4)
        with pytest.raises(TimeoutError):
            await app.executor.wait_idle(0.1)
        app.clock.advance(61)
        await app.executor.wait_idle()
    assert calls.made == [0, 1, 2, 3, 4]


async def test_throttle_counts_by_its_key(journal: Path) -> None:
    calls = Calls()

    @function("throttled", throttle=inngest.Throttle(limit=1, period=HOUR, burst=0, key="event.data.tenant"))
    async def handler(ctx: inngest.Context) -> None:
        calls.made.append(ctx.event.data["tenant"])

    async with served(journal, [handler]) as app:
        for tenant in ("a", "b", "a"):
            await app.send("go", {"tenant": tenant})
        await app.until(lambda: sorted(calls.made) == ["a", "b"])
        app.clock.advance(3_601)
        await app.executor.wait_idle()
    assert sorted(calls.made) == ["a", "a", "b"]


async def test_rate_limit_drops_what_comes_too_soon(journal: Path) -> None:
    calls = Calls()

    @function("limited", rate_limit=inngest.RateLimit(limit=1, period=HOUR, key="event.data.tenant"))
    async def handler(ctx: inngest.Context) -> None:
        calls.made.append((ctx.event.data["tenant"], ctx.event.data["n"]))

    async with served(journal, [handler]) as app:
        for number, tenant in enumerate("aab"):
            await app.send("go", {"tenant": tenant, "n": number})
        await app.executor.wait_idle()
        app.clock.advance(3_601)
        await app.send("go", {"tenant": "a", "n": 3})
        await app.executor.wait_idle()
    assert sorted(calls.made) == [("a", 0), ("a", 3), ("b", 2)]


async def test_idempotency_starts_one_run_a_day_for_a_key(journal: Path) -> None:
    calls = Calls()

    @function("paid", idempotency="event.data.order")
    async def handler(ctx: inngest.Context) -> None:
        calls.made.append(ctx.event.data["order"])

    async with served(journal, [handler]) as app:
        for order in (1, 1, 2):
            await app.send("go", {"order": order})
        await app.executor.wait_idle()
        app.clock.advance(86_401)
        await app.send("go", {"order": 1})
        await app.executor.wait_idle()
    assert sorted(calls.made) == [1, 1, 2]


async def test_debounce_runs_once_with_the_latest(journal: Path) -> None:
    calls = Calls()

    @function("debounced", debounce=inngest.Debounce(period=60_000, key="event.data.doc", timeout=100_000))
    async def handler(ctx: inngest.Context) -> None:
        calls.made.append((ctx.event.data["doc"], ctx.event.data["n"]))

    async with served(journal, [handler]) as app:
        for number in range(3):  # each within a minute of the one before: the time-out ends it
            await app.send("go", {"doc": 1, "n": number})
            app.clock.advance(40)
        await app.until(lambda: calls.made == [(1, 2)])
        await app.send("go", {"doc": 1, "n": 3})
        await app.send("go", {"doc": 2, "n": 4})
        app.clock.advance(61)
        await app.executor.wait_idle()
    assert sorted(calls.made) == [(1, 2), (1, 3), (2, 4)]


async def test_debounce_ignores_an_event_that_is_older_than_the_one_held(journal: Path) -> None:
    calls = Calls()

    @function("debounced", debounce=inngest.Debounce(period=60_000))
    async def handler(ctx: inngest.Context) -> None:
        calls.made.append(ctx.event.data["n"])

    async with served(journal, [handler]) as app:
        now = int(app.clock.now() * 1000)
        await app.send("go", {"n": "new"}, ts=now)
        await app.send("go", {"n": "old"}, ts=now - 1_000)
        app.clock.advance(61)
        await app.executor.wait_idle()
    assert calls.made == ["new"]


async def test_batches_are_kept_apart_by_key_and_go_when_full_or_late(journal: Path) -> None:
    calls = Calls()

    @function("batched", batch_events=inngest.Batch(max_size=2, timeout=60_000, key="event.data.tenant"))
    async def handler(ctx: inngest.Context) -> None:
        calls.made.append([event.data["n"] for event in ctx.events])

    async with served(journal, [handler]) as app:
        for number, tenant in enumerate("ababa"):
            await app.send("go", {"tenant": tenant, "n": number})
        await app.until(lambda: len(calls.made) == 2)
        app.clock.advance(61)
        await app.executor.wait_idle()
    assert sorted(calls.made) == [[0, 2], [1, 3], [4]]


async def test_an_event_that_is_not_to_be_batched_runs_alone_at_once(journal: Path) -> None:
    calls = Calls()

    @function("batched", batch_events=inngest.Batch(max_size=9, timeout=60_000, if_exp="!event.data.urgent"))
    async def handler(ctx: inngest.Context) -> None:
        calls.made.append([event.data["n"] for event in ctx.events])

    async with served(journal, [handler]) as app:
        await app.send("go", {"n": 0})
        await app.send("go", {"n": 1, "urgent": True})
        await app.until(lambda: calls.made == [[1]])
        app.clock.advance(61)
        await app.executor.wait_idle()
    assert calls.made == [[1], [0]]


@pytest.mark.parametrize(("mode", "statuses"), [("skip", ["COMPLETED"]), ("cancel", ["CANCELLED", "COMPLETED"])])
async def test_one_run_at_a_time_of_a_singleton(journal: Path, mode: str, statuses: list[str]) -> None:
    @function("single", singleton=inngest.Singleton(mode=mode, key="event.data.doc"))  # type: ignore[arg-type]
    async def handler(ctx: inngest.Context) -> None:
        await ctx.step.sleep("work", HOUR)

    async with served(journal, [handler]) as app:
        first, other = await app.send("go", {"doc": 1}), await app.send("go", {"doc": 2})
        await app.until_waiting(first, other)
        second = await app.send("go", {"doc": 1})
        app.clock.advance(3_601)
        await app.executor.wait_idle()
        runs = [run for event in (first, second) for run in await app.executor.runs_of_event(event)]
        assert (await app.run_of(other)).status == "COMPLETED"
    assert [run.status for run in runs] == statuses
