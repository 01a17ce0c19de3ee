"""How runs are started by expressions and schedules, and how they are stopped and told of."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import inngest

from tests.integration.embedded.support import Calls, Gauge, Served, function, served

HOUR = dt.timedelta(hours=1)


async def test_cancel_on_stops_the_runs_it_matches_and_tells(journal: Path) -> None:
    calls, told = Calls(), Calls()

    async def on_failure(ctx: inngest.Context) -> None:
        told.made.append("failed")

    @function(
        "long",
        cancel=[inngest.Cancel(event="deleted", if_exp="event.data.doc == async.data.doc")],
        on_failure=on_failure,
    )
    async def handler(ctx: inngest.Context) -> None:
        await ctx.step.sleep("work", HOUR)
        await ctx.step.run("write", calls.step(ctx.event.data["doc"]))

    @function("listener", event="inngest/function.cancelled")
    async def listener(ctx: inngest.Context) -> None:
        told.made.append((ctx.event.data["function_id"], ctx.event.data["event"]["data"]["doc"]))

    async with served(journal, [handler, listener]) as app:
        first, second = await app.send("go", {"doc": 1}), await app.send("go", {"doc": 2})
        await app.until_waiting(first, second)
        await app.send("deleted", {"doc": 1})
        app.clock.advance(3_601)
        await app.executor.wait_idle()
        statuses = [(await app.run_of(event)).status for event in (first, second)]
    assert statuses == ["CANCELLED", "COMPLETED"]
    assert calls.made == [2]
    assert told.made == [("app-long", 1)]


async def test_a_call_under_way_when_its_run_is_cancelled_finishes_and_changes_nothing(journal: Path) -> None:
    gauge, calls = Gauge(), Calls()

    @function("long", concurrency=[inngest.Concurrency(limit=1)])
    async def handler(ctx: inngest.Context) -> None:
        await ctx.step.run("hold", gauge.pass_through)
        await ctx.step.run("after", calls.step("after"))

    async with served(journal, [handler]) as app:
        event = await app.send("go")
        await app.until(lambda: gauge.inside == 1)
        run = await app.run_of(event)
        assert await app.executor.cancel_run(run.id)
        assert not await app.executor.cancel_run(run.id)
        await app.send("go", {"second": True})
        assert gauge.inside == 1  # it still holds the only place
        gauge.gate.set()
        await app.executor.wait_idle()
        assert (await app.run_of(event)).status == "CANCELLED"
        assert {step.status for step in await app.executor.steps(run.id)} <= {"abandoned"}
    assert (calls.made, gauge.most) == (["after"], 1)


async def test_a_run_that_does_not_start_or_finish_in_time_is_cancelled(journal: Path) -> None:
    gauge = Gauge()

    @function(
        "timed",
        concurrency=[inngest.Concurrency(limit=1)],
        timeouts=inngest.Timeouts(start=dt.timedelta(minutes=1), finish=dt.timedelta(minutes=10)),
    )
    async def handler(ctx: inngest.Context) -> None:
        await ctx.step.run("hold", gauge.pass_through)

    async with served(journal, [handler]) as app:
        running, queued = await app.send("go"), await app.send("go")
        await app.until(lambda: gauge.inside == 1)
        app.clock.advance(61)
        assert "start" in (await app.until_ended(queued)).output["message"]
        assert (await app.run_of(running)).status == "RUNNING"
        app.clock.advance(600)
        assert "finish" in (await app.until_ended(running)).output["message"]
        gauge.gate.set()
        await app.executor.wait_idle()


async def test_only_events_for_which_the_expression_holds_start_a_function(journal: Path) -> None:
    calls = Calls()
    wanted = inngest.TriggerEvent(event="go", expression="event.data.size > 10 && event.data.kind in ['pdf', 'docx']")

    @function("picky", trigger=[wanted, inngest.TriggerEvent(event="also/*")])
    async def handler(ctx: inngest.Context) -> None:
        calls.made.append(ctx.event.data.get("n"))

    async with served(journal, [handler]) as app:
        for number, data in enumerate([{"size": 11, "kind": "pdf"}, {"size": 9, "kind": "pdf"}, {"size": 11}, {}]):
            await app.send("go", {"n": number, **data})
        await app.send("also/this", {"n": "wildcard"})
        await app.executor.wait_idle()
    assert calls.made == [0, "wildcard"]


async def test_a_schedule_starts_its_function_at_its_times(journal: Path) -> None:
    calls = Calls()

    @function("nightly", trigger=inngest.TriggerCron(cron="TZ=Europe/Berlin 0 3 * * *"))
    async def handler(ctx: inngest.Context) -> None:
        calls.made.append(ctx.event.name)

    async def next_night(app: Served) -> None:
        seen = len(calls.made)
        app.clock.advance(86_400)
        await app.until(lambda: len(calls.made) == seen + 1)
        await app.executor.wait_idle()

    async with served(journal, [handler]) as app:
        await app.executor.wait_idle()
        assert calls.made == []
        await next_night(app)
        await next_night(app)
        shifted = app.clock
    shifted.advance(10 * 86_400)
    async with served(journal, [handler], clock=shifted) as app:  # ten nights went by: one run makes up for them
        await app.until(lambda: len(calls.made) == 3)
        await app.executor.wait_idle()
    assert calls.made == ["inngest/scheduled.timer"] * 3


async def test_finished_functions_are_told_of(journal: Path) -> None:
    told = Calls()

    @function("work")
    async def work(ctx: inngest.Context) -> str:
        return "done"

    @function(
        "listener",
        trigger=inngest.TriggerEvent(
            event="inngest/function.finished", expression="event.data.function_id == 'app-work'"
        ),
    )
    async def listener(ctx: inngest.Context) -> None:
        told.made.append(ctx.event.data["result"])

    async with served(journal, [work, listener]) as app:
        await app.send("go")
        await app.executor.wait_idle()
    assert told.made == ["done"]
