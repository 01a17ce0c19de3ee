"""Kill the embedded executor at every named point, start it again, and compare with a run that nobody killed.

    python scripts/crash_matrix.py [--workflows a,b] [--points p,q] [--hits 1,2] > matrix.json

For each workflow, failpoint and hit: a process serves the workflow on an empty journal and is killed at the point; another
one takes the journal up and finishes. What must be the same: every run's status and output, every step's status and
output. A step may be executed once more than without the kill (it is at-least-once), and only the one that was under way.
The sender sends its event until it is acknowledged, with the same id, as an outbox does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
warnings.filterwarnings("ignore", "Support for class-based `config` is deprecated")

import fastapi  # noqa: E402
import inngest  # noqa: E402
import inngest.fast_api  # noqa: E402

from workflows.embedded import EmbeddedExecutor  # noqa: E402
from workflows.embedded.failpoints import POINTS, VARIABLE  # noqa: E402

EVENT_KEY, SIGNING_KEY = "event-key", "signkey-prod-" + "cd" * 16
TIME_LIMIT_S = 30.0
Effect = Callable[[str], Callable[[], Awaitable[str]]]


def golden(client: inngest.Inngest, effect: Effect) -> list[inngest.Function[Any]]:
    """Workflows that between them use everything that is journalled."""

    def on(event: str) -> inngest.TriggerEvent:
        return inngest.TriggerEvent(event=event)

    @client.create_function(fn_id="sequential", trigger=on("sequential"))
    async def sequential(ctx: inngest.Context) -> list[str]:
        return [await ctx.step.run(name, effect(name)) for name in ("a", "b", "c")]

    @client.create_function(fn_id="parallel", trigger=on("parallel"))
    async def parallel(ctx: inngest.Context) -> list[str]:
        both = await ctx.group.parallel(
            tuple(lambda name=name: ctx.step.run(name, effect(name)) for name in ("left", "right"))
        )
        return [*both, await ctx.step.run("join", effect("join"))]

    @client.create_function(fn_id="sleeping", trigger=on("sleeping"))
    async def sleeping(ctx: inngest.Context) -> str:
        await ctx.step.sleep("nap", 50)
        return await ctx.step.run("woken", effect("woken"))

    @client.create_function(fn_id="child", trigger=on("never"))
    async def child(ctx: inngest.Context) -> str:
        return await ctx.step.run("inside", effect("inside"))

    @client.create_function(fn_id="invoking", trigger=on("invoking"))
    async def invoking(ctx: inngest.Context) -> list[str]:
        result = await ctx.step.invoke("ask", function=child)
        return [result, await ctx.step.run("told", effect("told"))]

    @client.create_function(fn_id="sending", trigger=on("sending"))
    async def sending(ctx: inngest.Context) -> None:
        await ctx.step.send_event("fan-out", [inngest.Event(name="part", id=f"part-{n}") for n in range(2)])

    @client.create_function(fn_id="part", trigger=on("part"), concurrency=[inngest.Concurrency(limit=1)])
    async def part(ctx: inngest.Context) -> str:
        return await ctx.step.run("work", effect(f"work-{ctx.event.id}"))

    @client.create_function(fn_id="waiting", trigger=on("waiting"))
    async def waiting(ctx: inngest.Context) -> str:
        # Reported together: the wait is journalled before the event that is answered is sent.
        heard, _ = await ctx.group.parallel(
            (
                lambda: ctx.step.wait_for_event("answer", event="answered", timeout=3_600_000),
                lambda: ctx.step.send_event("call", inngest.Event(name="echo", id="echo-1")),
            )
        )
        return heard.id if isinstance(heard, inngest.Event) else "nothing"

    @client.create_function(fn_id="echo", trigger=on("echo"))
    async def echo(ctx: inngest.Context) -> None:
        await ctx.step.send_event("answer", inngest.Event(name="answered", id="answer-1"))

    async def on_failure(ctx: inngest.Context) -> None:
        await ctx.step.run("clean-up", effect("clean-up"))

    @client.create_function(fn_id="failing", trigger=on("failing"), retries=2, on_failure=on_failure)
    async def failing(ctx: inngest.Context) -> None:
        await ctx.step.run("first", effect("first"))
        raise ValueError("always")

    @client.create_function(
        fn_id="batched", trigger=on("batched"), batch_events=inngest.Batch(max_size=3, timeout=1_000)
    )
    async def batched(ctx: inngest.Context) -> str:
        return await ctx.step.run("count", effect(f"count-{len(ctx.events)}"))

    return [
        *(sequential, parallel, sleeping, child, invoking, sending, part, waiting, echo, failing, batched),
    ]


EVENTS = {
    name: [name] * (3 if name == "batched" else 1)
    for name in ("sequential", "parallel", "sleeping", "invoking", "sending", "waiting", "failing", "batched")
}


async def serve(folder: Path, workflow: str) -> None:
    """Serve the workflows, send the workflow's event until it is taken, wait until nothing is left to do."""
    client = inngest.Inngest(app_id="golden", is_production=True, event_key=EVENT_KEY, signing_key=SIGNING_KEY)
    executor = EmbeddedExecutor(
        folder / "journal.db", event_key=EVENT_KEY, signing_key=SIGNING_KEY, backoff=lambda _: 0.0
    )
    executor.attach(client)
    effects = os.open(folder / "effects", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def effect(name: str) -> Callable[[], Awaitable[str]]:
        async def act() -> str:
            os.write(effects, f"{name}\n".encode())
            return name.upper()

        return act

    app = fastapi.FastAPI()
    inngest.fast_api.serve(app, client, golden(client, effect))
    async with executor.serving(app, "/api/inngest"):
        events = [inngest.Event(name=name, id=f"{name}-{n}") for n, name in enumerate(EVENTS[workflow])]
        await client.send(events)
        await executor.wait_idle(TIME_LIMIT_S)


def spawn(folder: Path, workflow: str, crash_at: str) -> int:
    """Serve in a forked process; returns its exit status, negative for a signal."""
    process = os.fork()
    if process == 0:
        os.environ[VARIABLE] = crash_at
        status = 1
        try:
            asyncio.run(serve(folder, workflow))
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def outcome(folder: Path) -> dict[str, Any]:
    """All that must not depend on a crash, and how often each effect happened."""
    journal = sqlite3.connect(folder / "journal.db")
    try:
        (integrity,) = journal.execute("PRAGMA integrity_check").fetchone()
        runs = journal.execute("SELECT function_id, status, output FROM run ORDER BY function_id, output").fetchall()
        steps = journal.execute(
            "SELECT function_id, name, step.status, CASE op WHEN 'StepRun' THEN memo END FROM step JOIN run "
            "ON run.id = run_id WHERE name NOT IN ('fan-out', 'call', 'answer') ORDER BY 1, 2, 4"
        ).fetchall()
        left = journal.execute("SELECT count(*) FROM job").fetchone()[0]
    finally:
        journal.close()
    effects = (folder / "effects").read_text().split() if (folder / "effects").exists() else []
    return {
        "integrity": integrity,
        "jobs_left": left,
        "runs": [[function, status, _message(output)] for function, status, output in runs],
        "steps": steps,
        "effects": dict(Counter(effects)),
    }


def _message(output: str | None) -> Any:
    """A run's value; of an error its message alone, for a stack depends on the way there."""
    value = json.loads(output) if output else None
    return value["message"] if isinstance(value, dict) and "message" in value else value


def check(clean: dict[str, Any], crashed: dict[str, Any]) -> list[str]:
    """What a crash changed that it must not change."""
    faults = [key for key in ("integrity", "jobs_left", "runs", "steps") if clean[key] != crashed[key]]
    again = {name: count - clean["effects"].get(name, 0) for name, count in crashed["effects"].items()}
    if set(clean["effects"]) != set(crashed["effects"]) or any(not 0 <= extra <= 1 for extra in again.values()):
        faults.append("effects")
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workflows", default=",".join(EVENTS))
    parser.add_argument("--points", default=",".join(POINTS))
    parser.add_argument("--hits", default="1,2")
    options = parser.parse_args()
    cells, started = [], time.monotonic()
    for workflow in options.workflows.split(","):
        with tempfile.TemporaryDirectory() as folder:
            if spawn(Path(folder), workflow, "") != 0:
                raise SystemExit(f"{workflow} does not finish even when nobody kills it")
            clean = outcome(Path(folder))
        for point in options.points.split(","):
            for hit in options.hits.split(","):
                cells.append(cell(workflow, point, hit, clean))
    killed = [each for each in cells if each["killed"]]
    bad = [each for each in cells if each["faults"]]
    summary = {"cells": len(cells), "killed": len(killed), "different": len(bad), "seconds": time.monotonic() - started}
    print(json.dumps({"summary": summary, "different": bad, "cells": cells}, indent=1))
    return 1 if bad else 0


def cell(workflow: str, point: str, hit: str, clean: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        statuses = [spawn(Path(folder), workflow, f"{point}:{hit}"), spawn(Path(folder), workflow, "")]
        found = outcome(Path(folder))
    faults = check(clean, found) if statuses[-1] == 0 else ["did not finish"]
    return {
        "workflow": workflow,
        "point": point,
        "hit": int(hit),
        "killed": statuses[0] == -9,
        "faults": faults,
        **({"clean": clean, "found": found} if faults else {}),
    }


if __name__ == "__main__":
    sys.exit(main())
