"""What happens when steps, functions, the app or their answers fail."""

from __future__ import annotations

import datetime as dt
import json
import math
from pathlib import Path
from typing import Any

import httpx
import inngest
import pytest

from tests.integration.embedded.support import Calls, function, served
from workflows.embedded import Limits


def failing(times: int, error: Exception) -> Any:
    """A step that fails so many times, then returns how often it was called."""
    made = [0]

    async def run() -> int:
        made[0] += 1
        if made[0] <= times:
            raise error
        return made[0]

    return run


async def test_a_step_that_fails_is_tried_again_and_the_steps_before_it_are_not(journal: Path) -> None:
    calls, flaky = Calls(), failing(2, ValueError("busy"))

    @function("retry", retries=3)
    async def handler(ctx: inngest.Context) -> int:
        await ctx.step.run("before", calls.step("before"))
        return await ctx.step.run("flaky", flaky)

    async with served(journal, [handler]) as app:
        event = await app.send("go")
        run = await app.outcome(event)
        step = (await app.steps(event))["flaky"]
    assert (run.status, run.output, calls.made) == ("COMPLETED", 3, ["before"])
    assert (step.status, step.attempts) == ("completed", 3)


async def test_while_it_waits_to_be_tried_again_a_step_shows_why_and_when(journal: Path) -> None:
    flaky = failing(1, ValueError("busy"))

    @function("retry", retries=3)
    async def handler(ctx: inngest.Context) -> int:
        return await ctx.step.run("flaky", flaky)

    async with served(journal, [handler], backoff=lambda retry: 100.0 * retry) as app:
        event = await app.send("go")
        await app.until_retrying(event)
        run, step = await app.run_of(event), (await app.steps(event))["flaky"]
        assert (run.status, run.attempts, run.error["message"]) == ("RUNNING", 1, "busy")
        assert (step.status, step.attempts, step.error["message"]) == ("retrying", 1, "busy")
        assert run.next_attempt_at == step.next_attempt_at
        assert run.next_attempt_at is not None
        assert 0 < run.next_attempt_at / 1000 - app.clock.now() <= 100
        app.clock.advance(101)
        assert (await app.outcome(event)).output == 2


async def test_a_step_that_keeps_failing_gives_its_error_to_the_function(journal: Path) -> None:
    @function("caught", retries=2)
    async def handler(ctx: inngest.Context) -> list[str]:
        try:
            await ctx.step.run("doomed", failing(99, ValueError("broken")))
        except inngest.StepError as error:
            return [error.name, error.message, await ctx.step.run("instead", Calls().step("plan b"))]
        raise AssertionError

    async with served(journal, [handler]) as app:
        event = await app.send("go")
        assert (await app.outcome(event)).output == ["ValueError", "broken", "plan b"]
        doomed = (await app.steps(event))["doomed"]
    assert (doomed.status, doomed.attempts, doomed.error["message"]) == ("failed", 3, "broken")


async def test_the_attempts_of_one_step_do_not_count_against_the_next(journal: Path) -> None:
    steps = {name: failing(2, ValueError(name)) for name in ("one", "two")}

    @function("two", retries=2)
    async def handler(ctx: inngest.Context) -> list[int]:
        return [await ctx.step.run(name, step) for name, step in steps.items()]

    async with served(journal, [handler]) as app:
        assert (await app.outcome(await app.send("go"))).output == [3, 3]


async def test_one_of_several_parallel_steps_is_tried_again_alone(journal: Path) -> None:
    calls, bad = Calls(), failing(1, ValueError("once"))

    @function("parallel", retries=1)
    async def handler(ctx: inngest.Context) -> list[object]:
        return list(
            await ctx.group.parallel(
                (lambda: ctx.step.run("good", calls.step("good")), lambda: ctx.step.run("bad", bad))
            )
        )

    async with served(journal, [handler]) as app:
        assert (await app.outcome(await app.send("go"))).output == ["good", 2]
    assert calls.made == ["good"]


async def test_a_parallel_step_that_waits_to_be_tried_again_shows_why_and_when(journal: Path) -> None:
    bad = failing(1, ValueError("once"))

    @function("parallel", retries=1)
    async def handler(ctx: inngest.Context) -> None:
        await ctx.group.parallel((lambda: ctx.step.run("good", Calls().step(1)), lambda: ctx.step.run("bad", bad)))

    async with served(journal, [handler], backoff=lambda _: 100.0) as app:
        event = await app.send("go")
        await app.until_retrying(event)
        step = (await app.steps(event))["bad"]
        assert (step.status, step.attempts, step.error["message"]) == ("planned", 1, "once")
        assert step.next_attempt_at == (await app.run_of(event)).next_attempt_at
        app.clock.advance(101)
        assert (await app.outcome(event)).status == "COMPLETED"


async def test_on_failure_is_told_what_failed_and_why(journal: Path) -> None:
    told = Calls()

    async def on_failure(ctx: inngest.Context) -> None:
        told.made.append(ctx.event.data)

    @function("doomed", retries=1, on_failure=on_failure)
    async def handler(ctx: inngest.Context) -> None:
        raise RuntimeError("no way")

    async with served(journal, [handler]) as app:
        event = await app.send("go", {"document": 7})
        await app.executor.wait_idle()
        run = await app.run_of(event)
    (failure,) = told.made
    assert (run.status, run.output["message"]) == ("FAILED", "no way")
    assert failure["error"]["message"] == "no way"
    assert (failure["function_id"], failure["run_id"]) == ("app-doomed", run.id)
    assert failure["event"]["data"] == {"document": 7}


async def test_non_retriable_errors_fail_at_once(journal: Path) -> None:
    calls = Calls()

    @function("hopeless", retries=5)
    async def handler(ctx: inngest.Context) -> None:
        async def give_up() -> None:
            calls.made.append("tried")
            raise inngest.NonRetriableError("unreadable")

        await ctx.step.run("give-up", give_up)

    async with served(journal, [handler]) as app:
        run = await app.outcome(await app.send("go"))
    assert (run.status, run.output["message"], calls.made) == ("FAILED", "unreadable", ["tried"])


async def test_retry_after_is_kept_to(journal: Path) -> None:
    calls = Calls()

    @function("polite", retries=1)
    async def handler(ctx: inngest.Context) -> None:
        calls.made.append(ctx.attempt)
        if ctx.attempt == 0:
            raise inngest.RetryAfterError("later", dt.timedelta(minutes=10))

    async with served(journal, [handler]) as app:
        event = await app.send("go")
        await app.until_retrying(event)
        app.clock.advance(590)
        with pytest.raises(TimeoutError):
            await app.executor.wait_idle(0.1)
        app.clock.advance(20)
        assert (await app.outcome(event)).status == "COMPLETED"
    assert calls.made == [0, 1]


@pytest.mark.parametrize(
    "value", [math.nan, {"at": -math.inf}, object(), "\ud800"], ids=["nan", "infinity", "object", "surrogate"]
)
async def test_what_json_cannot_say_fails_the_run_with_a_reason(journal: Path, value: object) -> None:
    @function("odd", retries=0)
    async def handler(ctx: inngest.Context) -> None:
        await ctx.step.run("odd", Calls().step(value, label="odd"))

    async with served(journal, [handler]) as app:
        run = await app.outcome(await app.send("go"))
    assert run.status == "FAILED"
    assert "not" in run.output["message"] or "unserializable" in run.output["message"]


async def test_an_app_that_can_not_be_reached_is_tried_again(journal: Path) -> None:
    broken = [True, True]

    def unreachable(asgi: Any) -> Any:
        async def call(scope: Any, receive: Any, send: Any) -> None:
            if scope["method"] == "POST" and broken:
                broken.pop()
                raise httpx.ConnectError("down")
            await asgi(scope, receive, send)

        return call

    @function("reachable", retries=2)
    async def handler(ctx: inngest.Context) -> str:
        return "reached"

    async with served(journal, [handler], wrap=unreachable) as app:
        run = await app.outcome(await app.send("go"))
    assert (run.output, broken) == ("reached", [])


async def test_outputs_states_and_step_counts_beyond_the_limits_fail_the_run(journal: Path) -> None:
    limits = Limits(step_output_bytes=1_000, state_bytes=5_000, steps=20)

    @function("output", event="output")
    async def output(ctx: inngest.Context) -> None:
        await ctx.step.run("large", Calls().step("x" * 1_000))

    @function("state", event="state")
    async def state(ctx: inngest.Context) -> None:
        for number in range(10):
            await ctx.step.run(f"part-{number}", Calls().step("x" * 900))

    @function("steps", event="steps")
    async def steps(ctx: inngest.Context) -> None:
        for number in range(30):
            await ctx.step.run(f"step-{number}", Calls().step(number))

    async with served(journal, [output, state, steps], limits=limits) as app:
        runs = {name: await app.outcome(await app.send(name)) for name in ("output", "state", "steps")}
    assert {name: run.status for name, run in runs.items()} == dict.fromkeys(runs, "FAILED")
    assert "'large' has 1011 bytes; the most is 1000" in runs["output"].output["message"]
    assert "state" in runs["state"].output["message"]
    assert "20" in runs["steps"].output["message"]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"name": "inngest/function.failed"}, "reserved"),
        ({"data": {}}, "needs a name"),
        ({"name": "go", "data": [1]}, "data is not an object"),
        ({"name": "go", "ts": "today"}, "ts is not"),
        ({"name": "go", "data": {"text": "x" * 600_000}}, "the most is"),
        ({"name": "go", "data": {"text": "\ud800"}}, "not JSON"),
        ({"name": "go", "data": {"n": math.nan}}, "not JSON"),
    ],
)
async def test_events_that_are_wrong_are_refused_and_nothing_sent_with_them_is_taken(
    journal: Path, event: dict[str, Any], reason: str
) -> None:
    calls = Calls()

    @function("any")
    async def handler(ctx: inngest.Context) -> None:
        calls.made.append("run")

    async with served(journal, [handler]) as app:
        transport = httpx.ASGITransport(app=app.executor.api)
        async with httpx.AsyncClient(transport=transport, base_url="http://executor") as http:
            answer = await http.post("/e/event-key", content=json.dumps([{"name": "go"}, event]))
            wrong_key = await http.post("/e/other-key", json=[{"name": "go"}])
        await app.executor.wait_idle()
    assert answer.status_code == 400
    assert reason in answer.json()["error"]
    assert wrong_key.status_code == 401
    assert calls.made == []
