"""How fast the workflow engine is: steps a second, and the time from an event to its first step. JSON out.

    python scripts/bench_engine.py [--steps 200] [--parallel 50] [--events 100] [--runs 20]

The embedded executor journals on disk with an fsync for every commit. With INNGEST_BIN (a server's binary) or INNGEST_DEV (the
origin of a server that runs, "1" for http://127.0.0.1:8288) the same app is driven by the real server, in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import socket
import sqlite3
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
warnings.filterwarnings("ignore", "Support for class-based `config` is deprecated")

import fastapi  # noqa: E402
import httpx  # noqa: E402
import inngest  # noqa: E402
import inngest.fast_api  # noqa: E402
import uvicorn  # noqa: E402

from workflows.embedded import EmbeddedExecutor  # noqa: E402

EVENT_KEY, SIGNING_KEY = "event-key", "signkey-prod-" + "ab" * 16
TIME_LIMIT_S = 300.0


class Subject:
    """The functions that are measured, and what they saw."""

    def __init__(self, client: inngest.Inngest) -> None:
        self.client = client
        self.app = fastapi.FastAPI()
        self.first_step: dict[int, float] = {}
        self.ended = asyncio.Queue[None]()
        inngest.fast_api.serve(self.app, client, [self._sequential(), self._parallel(), self._first()])

    def _sequential(self) -> inngest.Function[Any]:
        @self.client.create_function(fn_id="sequential", trigger=inngest.TriggerEvent(event="bench/sequential"))
        async def run(ctx: inngest.Context) -> None:
            for number in range(int(str(ctx.event.data["steps"]))):
                await ctx.step.run(f"step-{number}", nothing)
            self.ended.put_nowait(None)

        return run

    def _parallel(self) -> inngest.Function[Any]:
        @self.client.create_function(fn_id="parallel", trigger=inngest.TriggerEvent(event="bench/parallel"))
        async def run(ctx: inngest.Context) -> None:
            numbers = range(int(str(ctx.event.data["steps"])))
            await ctx.group.parallel(
                tuple(lambda number=number: ctx.step.run(f"step-{number}", nothing) for number in numbers)
            )
            self.ended.put_nowait(None)

        return run

    def _first(self) -> inngest.Function[Any]:
        @self.client.create_function(fn_id="first", trigger=inngest.TriggerEvent(event="bench/first"))
        async def run(ctx: inngest.Context) -> None:
            async def note() -> None:
                self.first_step[int(str(ctx.event.data["number"]))] = time.perf_counter()

            await ctx.step.run("note", note)
            self.ended.put_nowait(None)

        return run

    async def measure(self, options: argparse.Namespace) -> dict[str, float]:
        await self._timed("bench/sequential", 1, 5)  # warm
        sequential = await self._timed("bench/sequential", 1, options.steps)
        several = await self._timed("bench/sequential", options.runs, 10)
        parallel = await self._timed("bench/parallel", 1, options.parallel)
        latencies = [await self._latency(number) for number in range(options.events)]
        return {
            "sequential_steps_per_s": options.steps / sequential,
            f"{options.runs}_runs_at_once_steps_per_s": options.runs * 10 / several,
            f"{options.parallel}_parallel_steps_per_s": options.parallel / parallel,
            "event_to_first_step_p50_ms": statistics.median(latencies) * 1000,
            "event_to_first_step_p99_ms": statistics.quantiles(latencies, n=100)[98] * 1000,
        }

    async def _timed(self, event: str, runs: int, steps: int) -> float:
        events = [inngest.Event(name=event, data={"steps": steps}) for _ in range(runs)]
        started = time.perf_counter()
        await self.client.send(events)
        await self._until_ended(runs)
        return time.perf_counter() - started

    async def _latency(self, number: int) -> float:
        started = time.perf_counter()
        await self.client.send(inngest.Event(name="bench/first", data={"number": number}))
        await self._until_ended(1)
        return self.first_step[number] - started

    async def _until_ended(self, runs: int) -> None:
        async with asyncio.timeout(TIME_LIMIT_S):
            for _ in range(runs):
                await self.ended.get()


async def nothing() -> None:
    return None


async def embedded(options: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        journal = Path(folder) / "journal.db"
        client = inngest.Inngest(app_id="bench", is_production=True, event_key=EVENT_KEY, signing_key=SIGNING_KEY)
        executor = EmbeddedExecutor(journal, event_key=EVENT_KEY, signing_key=SIGNING_KEY)
        executor.attach(client)
        subject = Subject(client)
        async with executor.serving(subject.app, "/api/inngest"):
            figures: dict[str, Any] = await subject.measure(options)
        return {**figures, "fsync_ms": fsync_ms(Path(folder)), "fsync": "every commit (synchronous=FULL)"}


def fsync_ms(folder: Path) -> float:
    """The median time of one commit with nothing in it to speak of: what the disk alone costs."""
    connection = sqlite3.connect(folder / "fsync.db", isolation_level=None)
    connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (n)")
    times = []
    for number in range(50):
        started = time.perf_counter()
        connection.execute("INSERT INTO t VALUES (?)", (number,))
        times.append(time.perf_counter() - started)
    connection.close()
    return statistics.median(times) * 1000


async def server(options: argparse.Namespace) -> dict[str, Any] | str:
    binary, dev = os.environ.get("INNGEST_BIN"), os.environ.get("INNGEST_DEV")
    if not binary and not dev:
        return "absent: neither INNGEST_BIN nor INNGEST_DEV names a server"
    async with server_at(binary, dev or "1") as origin, httpx.AsyncClient() as http:
        client = inngest.Inngest(app_id="bench", is_production=False, api_base_url=origin, event_api_base_url=origin)
        subject = Subject(client)
        port = free_port()
        uvicorn_server = uvicorn.Server(uvicorn.Config(subject.app, port=port, log_level="error"))
        serving = asyncio.create_task(uvicorn_server.serve())
        while not uvicorn_server.started:  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.01)
        (await http.put(f"http://127.0.0.1:{port}/api/inngest")).raise_for_status()
        try:
            return {**await subject.measure(options), "fsync": "none (development server, in memory)"}
        finally:
            uvicorn_server.should_exit = True
            await serving


@asynccontextmanager
async def server_at(binary: str | None, dev: str) -> AsyncIterator[str]:
    if binary is None:
        yield dev if dev.startswith("http") else "http://127.0.0.1:8288"
        return
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        command = [binary, "dev", "--no-discovery", "--no-poll", "--port", str(port)]
        quiet = {"stdout": asyncio.subprocess.DEVNULL, "stderr": asyncio.subprocess.DEVNULL}
        process = await asyncio.create_subprocess_exec(*command, cwd=folder, **quiet)
        try:
            async with httpx.AsyncClient() as http, asyncio.timeout(30):
                while True:
                    try:
                        if (await http.get(f"{origin}/health")).status_code == 200:
                            break
                    except httpx.TransportError:
                        await asyncio.sleep(0.1)
            yield origin
        finally:
            process.terminate()
            await process.wait()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def bound(figures: dict[str, Any]) -> str:
    """What a sequential step's time goes to, from the figures themselves."""
    step_ms = 1000 / figures["sequential_steps_per_s"]
    disk_ms = figures["fsync_ms"]
    return (
        f"{step_ms:.1f} ms a step: {disk_ms:.1f} ms is the commit (one: the answer and the next claim are journalled together), "
        f"{step_ms - disk_ms:.1f} ms is CPU, mostly the SDK's handler and the two HTTP stacks in process"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200, help="sequential steps of one run")
    parser.add_argument("--parallel", type=int, default=50, help="parallel steps of one run")
    parser.add_argument("--runs", type=int, default=20, help="runs at once, of ten steps each")
    parser.add_argument("--events", type=int, default=100, help="events, one after the other, for the latency")
    parser.add_argument("--folder", type=Path, help="where the journal lies; the disk matters")
    options = parser.parse_args()
    figures = asyncio.run(embedded(options))
    result = {
        "machine": {"cpus": os.cpu_count(), "load": os.getloadavg()[0], "python": platform.python_version()},
        "embedded": figures,
        "bound_by": bound(figures),
        "server": asyncio.run(server(options)),
    }
    print(json.dumps(result, indent=1, default=str))


if __name__ == "__main__":
    main()
