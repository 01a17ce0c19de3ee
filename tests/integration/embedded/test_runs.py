"""What a function sees of its steps, on the way it was written for."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path

import inngest
import pytest

from tests.integration.embedded.support import Calls, function, served


async def test_steps_run_once_each_and_the_function_goes_on_with_their_results(journal: Path) -> None:
    calls = Calls()

    @function("sum")
    async def handler(ctx: inngest.Context) -> int:
        first = await ctx.step.run("first", calls.step(1))
        second = await ctx.step.run("second", calls.step(2))
        return first + second + ctx.event.data["plus"]

    async with served(journal, [handler]) as app:
        run = await app.outcome(await app.send("go", {"plus": 4}))
        steps = await app.executor.steps(run.id)

    assert (run.status, run.output, calls.made) == ("COMPLETED", 7, [1, 2])
    assert [(step.name, step.status, step.output, step.attempts) for step in steps] == [
        ("first", "completed", 1, 1),
        ("second", "completed", 2, 1),
    ]


async def test_an_event_id_sent_again_within_a_day_starts_nothing(journal: Path) -> None:
    calls = Calls()

    @function("once")
    async def handler(ctx: inngest.Context) -> None:
        await ctx.step.run("count", calls.step("run"))

    async with served(journal, [handler]) as app:
        first = await app.send("go", id="upload-1")
        assert await app.send("go", id="upload-1") == first
        await app.outcome(first)
        app.clock.advance(86_401)
        again = await app.send("go", id="upload-1")
        await app.executor.wait_idle()

    assert again != first
    assert calls.made == ["run", "run"]


async def test_events_sent_together_with_the_same_id_are_one(journal: Path) -> None:
    @function("once")
    async def handler(ctx: inngest.Context) -> None: ...

    async with served(journal, [handler]) as app:
        ids = await app.client.send([inngest.Event(name="go", id="same"), inngest.Event(name="go", id="same")])
        await app.executor.wait_idle()
        assert ids[0] == ids[1]
        assert len(await app.executor.runs_of_event("same")) == 1


async def test_parallel_steps_run_at_the_same_time(journal: Path) -> None:
    meeting = asyncio.Barrier(3)

    async def meet() -> str:
        async with asyncio.timeout(5):
            await meeting.wait()
        return "met"

    @function("parallel")
    async def handler(ctx: inngest.Context) -> list[str]:
        return list(
            await ctx.group.parallel(tuple(lambda name=name: ctx.step.run(name, meet) for name in ("a", "b", "c")))
        )

    async with served(journal, [handler]) as app:
        run = await app.outcome(await app.send("go"))
    assert run.output == ["met"] * 3


async def test_groups_of_steps_wait_for_one_another_or_race(journal: Path) -> None:
    calls, slow = Calls(), asyncio.Event()

    def maker(mode: inngest.ParallelMode) -> None:
        @function(mode.value, event=mode.value)
        async def handler(ctx: inngest.Context) -> None:
            async def wait() -> None:
                await slow.wait()
                calls.made.append("slow")

            async def fast_group() -> None:
                await ctx.step.run("fast-1", calls.step("fast-1"))
                await ctx.step.run("fast-2", calls.step("fast-2"))

            await ctx.group.parallel((fast_group, lambda: ctx.step.run("slow", wait)), parallel_mode=mode)

        makers.append(handler)

    makers: list[object] = []
    maker(inngest.ParallelMode.RACE)
    maker(inngest.ParallelMode.WAIT)
    async with served(journal, makers) as app:  # type: ignore[arg-type]
        await app.send("race")
        await app.until(lambda: calls.made == ["fast-1", "fast-2"])  # the second does not wait for the other group
        slow.set()
        await app.executor.wait_idle()
        calls.made.clear()
        slow.clear()
        event = await app.send("wait")
        await app.until(lambda: calls.made == ["fast-1"])
        slow.set()
        await app.outcome(event)
    assert calls.made == ["fast-1", "slow", "fast-2"]


async def test_a_step_under_way_is_not_run_again_by_a_sibling_that_ends(journal: Path) -> None:
    """In race mode the function is called again while a step runs: that call must not run it too."""
    running, release = Calls(), asyncio.Event()

    async def slow() -> None:
        running.made.append("slow")
        await release.wait()

    @function("race")
    async def handler(ctx: inngest.Context) -> None:
        async def quick() -> None:
            for name in ("q1", "q2", "q3"):
                await ctx.step.run(name, running.step(name))

        await ctx.group.parallel((quick, lambda: ctx.step.run("slow", slow)), parallel_mode=inngest.ParallelMode.RACE)

    async with served(journal, [handler]) as app:
        event = await app.send("go")
        await app.until(lambda: "q3" in running.made)
        release.set()
        assert (await app.outcome(event)).status == "COMPLETED"
    assert sorted(running.made) == ["q1", "q2", "q3", "slow"]


async def test_sleep_ends_at_its_time_and_not_before(journal: Path) -> None:
    calls = Calls()

    @function("sleeper")
    async def handler(ctx: inngest.Context) -> None:
        await ctx.step.run("before", calls.step("before"))
        await ctx.step.sleep("nap", dt.timedelta(hours=1))
        await ctx.step.run("after", calls.step("after"))

    async with served(journal, [handler]) as app:
        event = await app.send("go")
        await app.until(lambda: calls.made == ["before"])
        app.clock.advance(3_500)
        with pytest.raises(TimeoutError):
            await app.executor.wait_idle(0.1)
        app.clock.advance(200)
        await app.outcome(event)
    assert calls.made == ["before", "after"]


async def test_wait_for_event_gets_the_event_that_matches_or_none_when_it_is_too_late(journal: Path) -> None:
    @function("waiter")
    async def handler(ctx: inngest.Context) -> object:
        event = await ctx.step.wait_for_event(
            "approval",
            event="approved",
            if_exp="async.data.id == event.data.id && async.data.score > 2",
            timeout=dt.timedelta(hours=1),
        )
        return event.data if event else None

    async with served(journal, [handler]) as app:
        heard, unheard = await app.send("go", {"id": 1}), await app.send("go", {"id": 2})
        await app.until_waiting(heard, unheard)
        await app.send("approved", {"id": 1, "score": 1})
        await app.send("approved", {"id": 1, "score": 3})
        app.clock.advance(3_601)
        assert (await app.outcome(heard)).output == {"id": 1, "score": 3}
        assert (await app.outcome(unheard)).output is None


async def test_invoke_gives_the_result_of_the_other_function(journal: Path) -> None:
    def parent(client: inngest.Inngest) -> inngest.Function[object]:
        @client.create_function(fn_id="parent", trigger=inngest.TriggerEvent(event="go"))
        async def handler(ctx: inngest.Context) -> object:
            return await ctx.step.invoke_by_id("ask", function_id="child", data={"n": 20})

        return handler

    @function("child", event="never")
    async def child(ctx: inngest.Context) -> int:
        return ctx.event.data["n"] + await ctx.step.run("one", Calls().step(1))

    async with served(journal, [parent, child]) as app:
        assert (await app.outcome(await app.send("go"))).output == 21


@pytest.mark.parametrize("target", ["failing", "missing", "sleeping"])
async def test_invoke_tells_why_there_is_no_result(journal: Path, target: str) -> None:
    @function("parent")
    async def parent(ctx: inngest.Context) -> list[str]:
        try:
            await ctx.step.invoke_by_id("ask", function_id=target, timeout=dt.timedelta(minutes=5))
        except inngest.StepError as error:
            return [error.name, error.message]
        raise AssertionError

    @function("failing", event="never", retries=0)
    async def failing(ctx: inngest.Context) -> None:
        raise KeyError("lost")

    @function("sleeping", event="never")
    async def sleeping(ctx: inngest.Context) -> None:
        await ctx.step.sleep("long", dt.timedelta(minutes=6))

    expected = {
        "failing": ["KeyError", "'lost'"],
        "missing": ["Error", "could not find function with ID: app-missing"],
        "sleeping": ["InngestInvokeTimeoutError", "Timed out waiting for invoked function to complete"],
    }
    async with served(journal, [parent, failing, sleeping]) as app:
        event = await app.send("go")
        if target == "sleeping":
            await app.until_waiting(event)
            app.clock.advance(301)
            await app.until_ended(event)
            app.clock.advance(100)
        run = await app.outcome(event)
    assert run.output == expected[target]


async def test_send_event_sets_off_other_functions(journal: Path) -> None:
    seen = Calls()

    @function("sender")
    async def sender(ctx: inngest.Context) -> list[str]:
        return await ctx.step.send_event("fan-out", [inngest.Event(name="part", data={"n": n}) for n in range(3)])

    @function("receiver", event="part")
    async def receiver(ctx: inngest.Context) -> None:
        seen.made.append(ctx.event.data["n"])

    async with served(journal, [sender, receiver]) as app:
        run = await app.outcome(await app.send("go"))
    assert sorted(seen.made) == [0, 1, 2]
    assert len(run.output) == 3


async def test_send_works_from_the_loop_and_from_other_threads(journal: Path) -> None:
    seen = Calls()

    @function("receiver")
    async def receiver(ctx: inngest.Context) -> None:
        seen.made.append(ctx.event.data["from"])

    async with served(journal, [receiver]) as app:
        await app.send("go", {"from": "loop"})
        await asyncio.to_thread(app.client.send_sync, inngest.Event(name="go", data={"from": "thread"}))
        app.client.send_sync(inngest.Event(name="go", data={"from": "loop, blocking"}))
        await app.executor.wait_idle()
    assert sorted(seen.made) == ["loop", "loop, blocking", "thread"]


async def test_synchronous_functions_run_and_send(journal: Path) -> None:
    seen = Calls()

    def handler(ctx: inngest.ContextSync) -> int:
        ctx.step.send_event("tell", inngest.Event(name="told"))
        return ctx.step.run("work", lambda: 5)

    def make(client: inngest.Inngest) -> inngest.Function[int]:
        return client.create_function(fn_id="sync", trigger=inngest.TriggerEvent(event="go"))(handler)

    @function("receiver", event="told")
    async def receiver(ctx: inngest.Context) -> None:
        seen.made.append("told")

    async with served(journal, [make, receiver]) as app:
        assert (await app.outcome(await app.send("go"))).output == 5
    assert seen.made == ["told"]


async def test_a_large_state_is_fetched_by_the_app(journal: Path) -> None:
    """Above 4 MiB a call carries no state: the SDK asks for events and memos itself."""
    block = "x" * (1 << 20)

    @function("large")
    async def handler(ctx: inngest.Context) -> int:
        blocks = [await ctx.step.run(f"block-{number}", Calls().step(block)) for number in range(6)]
        return sum(map(len, blocks)) + len(ctx.event.data["text"])

    async with served(journal, [handler]) as app:
        run = await app.outcome(await app.send("go", {"text": "y" * 1000}))
    assert run.output == 6 * len(block) + 1000


async def test_text_in_any_script_and_numbers_of_any_size_come_through(journal: Path) -> None:
    value = {
        "text": "Zoë – 東京 🗼 \u2028 \x1f",
        "float": 1e21,
        "small": 1e-9,
        "int": 2**53,
        "nested": [{}, [], None, True],
    }

    @function("echo")
    async def handler(ctx: inngest.Context) -> list[object]:
        return [await ctx.step.run("écho 東", Calls().step(value)), ctx.event.data]

    async with served(journal, [handler]) as app:
        run = await app.outcome(await app.send("go", value))
    assert run.output == [value, value]
