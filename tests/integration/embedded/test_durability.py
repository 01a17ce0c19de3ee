"""What survives: kills, closed executors, full disks, clocks that are set."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import inngest
import pytest

from tests.integration.embedded.support import Calls, Served, ShiftedClock, function, served
from workflows.embedded import ConfigRefused, EmbeddedExecutor, JournalLocked, JournalUnavailable

ROOT = Path(__file__).resolve().parents[3]


async def post_event(app: Served, name: str) -> httpx.Response:
    """One attempt: the SDK's client would try again for seconds."""
    transport = httpx.ASGITransport(app=app.executor.api)
    async with httpx.AsyncClient(transport=transport, base_url="http://executor") as http:
        return await http.post("/e/event-key", json=[{"name": name, "data": {"padding": "x" * 50_000}}])


@pytest.mark.parametrize("workflow", ["parallel", "failing"])
def test_a_kill_anywhere_changes_nothing_that_anybody_sees(workflow: str) -> None:
    """A bounded part of scripts/crash_matrix.py; the whole takes minutes."""
    found = subprocess.run(
        [sys.executable, str(ROOT / "scripts/crash_matrix.py"), "--workflows", workflow, "--hits", "1"],
        capture_output=True,
        text=True,
        check=False,
    )
    matrix = json.loads(found.stdout)
    assert matrix["different"] == []
    assert matrix["summary"]["killed"] == matrix["summary"]["cells"]


def test_what_kills_the_process_every_time_fails_for_good_and_is_told_of(tmp_path: Path) -> None:
    """I5: a claim counts as an attempt, so the document that kills the process can't do it for ever."""
    script = f"""
import asyncio, os, signal, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from tests.integration.embedded.support import function, served

log = Path({str(tmp_path / "log")!r})

def note(what):
    with log.open("a") as file:
        file.write(what + "\\n")

async def on_failure(ctx):
    note("on_failure " + ctx.event.data["error"]["name"])

@function("killer", retries=2, on_failure=on_failure)
async def killer(ctx):
    async def kill():
        note(f"attempt {{ctx.attempt}}")
        os.kill(os.getpid(), signal.SIGKILL)
    await ctx.step.run("kill", kill)

async def main():
    async with served(Path({str(tmp_path / "journal.db")!r}), [killer]) as app:
        await app.send("go", id="the-one")
        await app.executor.wait_idle()
        note((await app.run_of("the-one")).status)

asyncio.run(main())
"""
    statuses = [
        subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=False).returncode for _ in range(4)
    ]
    assert statuses == [-9, -9, -9, 0]
    assert (tmp_path / "log").read_text().splitlines() == [
        *("attempt 0", "attempt 1", "attempt 2", "on_failure Interrupted", "FAILED"),
    ]


async def test_a_run_goes_on_where_it_was_when_the_executor_comes_back(journal: Path) -> None:
    calls, gate = Calls(), asyncio.Event()

    @function("long", retries=0)
    async def handler(ctx: inngest.Context) -> str:
        await ctx.step.run("before", calls.step("before"))

        async def hold() -> str:
            calls.made.append("hold")
            await gate.wait()
            return "held"

        return await ctx.step.run("hold", hold)

    async with served(journal, [handler]) as app:
        event = await app.send("go")
        await app.until(lambda: "hold" in calls.made)
    gate.set()
    async with served(journal, [handler]) as app:
        run = await app.outcome(event)
    # Closing in good order gives the call back: it is no attempt, and a function without retries goes on.
    assert (run.status, run.output, calls.made) == ("COMPLETED", "held", ["before", "hold", "hold"])


async def test_a_call_that_ends_while_the_executor_closes_is_kept(journal: Path) -> None:
    calls = Calls()

    @function("quick")
    async def handler(ctx: inngest.Context) -> None:
        async def work() -> None:
            calls.made.append("work")
            await asyncio.sleep(0.05)

        await ctx.step.run("work", work)

    async with served(journal, [handler], grace_s=5.0) as app:
        event = await app.send("go")
        await app.until(lambda: calls.made == ["work"])
    async with served(journal, [handler]) as app:
        assert (await app.outcome(event)).status == "COMPLETED"
    assert calls.made == ["work"]


async def test_a_sleep_that_ended_while_nobody_ran_is_over_and_one_that_did_not_keeps_its_time(journal: Path) -> None:
    """I7: timers are times, not remainders."""
    clock = ShiftedClock()

    @function("sleeper")
    async def handler(ctx: inngest.Context) -> None:
        await ctx.step.sleep("nap", dt.timedelta(hours=ctx.event.data["hours"]))

    async with served(journal, [handler], clock=clock) as app:
        short, long = await app.send("go", {"hours": 1}), await app.send("go", {"hours": 3})
        await app.until_waiting(short, long)
        due = {step.name: step for step in await app.executor.steps((await app.run_of(long)).id)}["nap"]
    clock.advance(2 * 3_600)
    async with served(journal, [handler], clock=clock) as app:
        assert (await app.until_ended(short)).status == "COMPLETED"
        assert (await app.run_of(long)).status == "RUNNING"
        assert {step.name: step for step in await app.executor.steps((await app.run_of(long)).id)}["nap"] == due
        clock.advance(3_601)
        assert (await app.outcome(long)).status == "COMPLETED"


async def test_a_clock_set_back_loses_nothing_and_repeats_nothing(journal: Path) -> None:
    calls, clock = Calls(), ShiftedClock()

    @function("sleeper")
    async def handler(ctx: inngest.Context) -> None:
        await ctx.step.run("before", calls.step(ctx.event.data["n"]))
        await ctx.step.sleep("nap", dt.timedelta(minutes=10))
        await ctx.step.run("after", calls.step(ctx.event.data["n"]))

    async with served(journal, [handler], clock=clock) as app:
        first = await app.send("go", {"n": 1})
        await app.until_waiting(first)
        clock.advance(-86_400)
        second = await app.send("go", {"n": 2})
        await app.until_waiting(second)
        clock.advance(86_400 + 601)
        await app.executor.wait_idle()
    assert sorted(calls.made) == [1, 1, 2, 2]


async def test_a_clock_set_back_does_not_hold_up_what_is_ready(journal: Path) -> None:
    gate, calls, clock = asyncio.Event(), Calls(), ShiftedClock()

    @function(
        "queued",
        concurrency=[inngest.Concurrency(limit=1)],
        throttle=inngest.Throttle(limit=1, period=dt.timedelta(seconds=1), burst=50),
    )
    async def handler(ctx: inngest.Context) -> None:
        calls.made.append("called")
        await gate.wait()

    async with served(journal, [handler], clock=clock) as app:
        for _ in range(3):
            await app.send("go")
        await app.until(lambda: calls.made == ["called"])
        clock.advance(-7 * 86_400)
        gate.set()
        await app.executor.wait_idle()
    assert calls.made == ["called"] * 3


async def test_nothing_is_acknowledged_that_the_disk_refuses_and_all_goes_on_when_there_is_space(journal: Path) -> None:
    """I1. SQLite's own page limit stands in for a full disk: the same error from the same place."""
    calls, answer = Calls(), asyncio.Event()

    @function("work")
    async def handler(ctx: inngest.Context) -> str:
        async def work() -> str:
            calls.made.append("work")
            await answer.wait()
            return "x" * 200_000

        return await ctx.step.run("work", work)

    @function("other", event="other")
    async def other(ctx: inngest.Context) -> None:
        calls.made.append("other")

    async with served(journal, [handler, other]) as app:
        event = await app.send("go")
        await app.until(lambda: calls.made == ["work"])
        await set_page_limit(app, full=True)
        answer.set()
        refused = await post_event(app, "other")
        assert refused.status_code == 503
        assert (await app.run_of(event)).status == "RUNNING"
        await set_page_limit(app, full=False)
        assert len((await app.outcome(event)).output) == 200_000
        assert (await post_event(app, "other")).status_code == 200
        await app.executor.wait_idle()
    assert calls.made == ["work", "other"]
    assert integrity(journal) == "ok"


async def set_page_limit(app: Served, *, full: bool) -> None:
    engine = app.executor.engine()

    def limit(tx: object) -> None:
        sql: sqlite3.Connection = tx.sql  # type: ignore[attr-defined]
        (pages,) = sql.execute("PRAGMA page_count").fetchone()
        sql.execute(f"PRAGMA max_page_count = {pages if full else 1 << 30}")

    await engine.transact(limit)


async def test_a_sender_that_goes_away_harms_nobody(journal: Path) -> None:
    calls = Calls()

    @function("work")
    async def handler(ctx: inngest.Context) -> None:
        calls.made.append(ctx.event.data["n"])

    async with served(journal, [handler]) as app:
        for number in range(20):
            leaving = [asyncio.create_task(app.send("go", {"n": number})) for _ in range(5)]
            for _turn in range(number % 7):
                await asyncio.sleep(0)
            for task in leaving:
                task.cancel()
            await asyncio.gather(*leaving, return_exceptions=True)
        await app.outcome(await app.send("go", {"n": "last"}))
    assert calls.made[-1] == "last"


async def test_another_writer_that_holds_the_file_delays_and_breaks_nothing(journal: Path) -> None:
    calls = Calls()

    @function("work")
    async def handler(ctx: inngest.Context) -> None:
        await ctx.step.run("work", calls.step("work"))

    async with served(journal, [handler]) as app:
        operator = sqlite3.connect(journal, isolation_level=None, check_same_thread=False)
        operator.execute("BEGIN IMMEDIATE")
        sending = asyncio.create_task(app.send("go"))
        asyncio.get_running_loop().call_later(0.2, operator.execute, "ROLLBACK")
        assert (await app.outcome(await sending)).status == "COMPLETED"
        operator.close()
    assert calls.made == ["work"]


async def test_a_second_executor_on_the_same_journal_is_refused(journal: Path) -> None:
    @function("any")
    async def handler(ctx: inngest.Context) -> None: ...

    async with served(journal, [handler]):
        with pytest.raises(JournalLocked, match=f"in use by process {os.getpid()}"):
            async with served(journal, [handler]):
                pass
    async with served(journal, [handler]) as app:
        assert (await app.outcome(await app.send("go"))).status == "COMPLETED"


async def test_a_worker_that_outlives_the_executor_does_not_hold_the_journal(journal: Path) -> None:
    """Process pools fork workers, and a kill of the server leaves them behind."""

    @function("any")
    async def handler(ctx: inngest.Context) -> None: ...

    read_end, write_end = os.pipe()
    async with served(journal, [handler]):
        worker = os.fork()
        if worker == 0:
            os.read(read_end, 1)
            os._exit(0)
    async with served(journal, [handler]) as app:
        assert (await app.outcome(await app.send("go"))).status == "COMPLETED"
    os.write(write_end, b"x")
    os.waitpid(worker, 0)
    os.close(read_end)
    os.close(write_end)


@pytest.mark.parametrize("prepare", [lambda path: path.mkdir(), lambda path: path.write_bytes(b"no database" * 1000)])
async def test_a_journal_that_cannot_be_opened_says_so(journal: Path, prepare: Callable[[Path], None]) -> None:
    prepare(journal)
    with pytest.raises(JournalUnavailable, match="cannot open the journal"):
        async with EmbeddedExecutor(journal).serving():
            pass


async def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalUnavailable, match="cannot open the journal"):
        async with EmbeddedExecutor(tmp_path / "file" / "journal.db").serving():
            pass


async def test_a_function_that_asks_for_too_much_is_refused_by_name_and_leaves_the_journal_free(journal: Path) -> None:
    @function("picky", trigger=inngest.TriggerEvent(event="go", expression="event.data.text.frobnicate('x')"))
    async def picky(ctx: inngest.Context) -> None: ...

    @function("plain")
    async def plain(ctx: inngest.Context) -> None: ...

    with pytest.raises(ConfigRefused, match=r"app-picky.*frobnicate"):
        async with served(journal, [picky]):
            pass
    async with served(journal, [plain]) as app:
        assert (await app.outcome(await app.send("go"))).status == "COMPLETED"


async def test_a_client_that_would_not_reach_the_executor_is_refused(journal: Path) -> None:
    executor = EmbeddedExecutor(journal, event_key="a", signing_key="signkey-prod-ab")
    with pytest.raises(ConfigRefused, match="development mode"):
        executor.attach(inngest.Inngest(app_id="app", is_production=False))
    with pytest.raises(ConfigRefused, match="is not the executor's"):
        executor.attach(inngest.Inngest(app_id="app", is_production=True, event_key="b", signing_key="signkey-prod-ab"))


async def test_pruning_forgets_what_ended_long_ago_and_gives_the_space_back(journal: Path) -> None:
    @function("work")
    async def handler(ctx: inngest.Context) -> str:
        return await ctx.step.run("work", Calls().step("SECRET" + "x" * 50_000))

    @function("sleeper", event="sleep")
    async def sleeper(ctx: inngest.Context) -> None:
        await ctx.step.sleep("long", dt.timedelta(days=90))

    async with served(journal, [handler, sleeper]) as app:
        old = [await app.send("go") for _ in range(20)]
        asleep = await app.send("sleep")
        await app.until_waiting(asleep)
        for event in old:
            await app.until_ended(event)
        app.clock.advance(30 * 86_400)
        recent = await app.send("go")
        await app.until_ended(recent)
        before = await page_count(app)
        assert await app.executor.prune(dt.timedelta(days=7)) == 20
        assert await page_count(app) < before / 2
        assert [await app.executor.runs_of_event(event) for event in old] == [[]] * 20
        assert (await app.run_of(asleep)).status == "RUNNING"
        assert (await app.run_of(recent)).status == "COMPLETED"
        app.clock.advance(61 * 86_400)
        await app.executor.wait_idle()
        assert await app.executor.prune(dt.timedelta(0)) >= 2
        for file in journal.parent.iterdir():
            assert b"SECRET" not in file.read_bytes()
    assert integrity(journal) == "ok"


async def page_count(app: Served) -> int:
    return await app.executor.engine().read(lambda sql: int(sql.execute("PRAGMA page_count").fetchone()[0]))


def integrity(journal: Path) -> str:
    connection = sqlite3.connect(journal)
    try:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
    finally:
        connection.close()
