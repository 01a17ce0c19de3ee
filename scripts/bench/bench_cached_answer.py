"""What an answer takes that was given before: from the use case in this process, and over HTTP to 50 clients at once.

Over HTTP it is asked for at a steady rate, and again by clients that never pause, who then wait in line for the processor
(50 of them wait 50 times what one answer costs). `cpu_ms_each`: processor time of an answer, the audit's commit included,
whatever else the machine does meanwhile. JSON on standard output.

    .venv/bin/python -m scripts.bench.bench_cached_answer [--clients 50] [--seconds 10] [--rate 200]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from app.bootstrap import assemble
from app.cli.handbook import write
from app.services.ask import Question, whole
from app.settings import Settings
from scripts.bench.http_clients import ask_for, summary
from tests.e2e.server import KEY, Server, finished, running, upload

QUESTION = "How many days of paid leave do employees get?"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=200, help="questions a second, of all clients together")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data, handbook = Path(folder) / "data", Path(folder) / "handbook.pdf"
        write(handbook)
        report: dict[str, Any] = {}
        with running(data) as server:
            with server.client() as client:
                finished(client, upload(client, handbook)["job_id"])
                answer = client.post("/v1/query", json={"query": QUESTION, "stream": False}).json()
                assert answer["citations"], answer
            for stream in (False, True):
                for name, rate in (("steady", arguments.rate), ("without pause", None)):
                    key = f"http, {'streamed' if stream else 'whole'}, {name}"
                    report[key] = _measured(server, arguments.clients, arguments.seconds, rate, stream=stream)
        report["in process, one at a time"] = asyncio.run(_in_process(data, 1, 2_000))
        report[f"in process, {arguments.clients} at a time"] = asyncio.run(_in_process(data, arguments.clients, 40))
    print(json.dumps({**report, "rate_per_s": arguments.rate, "load_average": os.getloadavg()[0]}, indent=2))


def _measured(server: Server, clients: int, seconds: float, rate: float | None, *, stream: bool) -> dict[str, float]:
    """By a process of its own: the clients' work must not look like the server's."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        before = _processor_s(server)
        found = dict(pool.apply(_ask, (server.url, clients, seconds, rate, stream)))
        return {**found, "cpu_ms_each": round((_processor_s(server) - before) * 1000 / (found["per_s"] * seconds), 2)}


def _processor_s(server: Server) -> float:
    """What the server has used, whatever else the machine does."""
    assert server.process is not None
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _ask(url: str, clients: int, seconds: float, rate: float | None, stream: bool) -> dict[str, float]:
    body = {"query": QUESTION, "stream": stream}
    waits = clients / rate if rate else 0
    replies = asyncio.run(
        ask_for(url, KEY, clients=clients, seconds=seconds, question=lambda _: ("/v1/query", body), each_waits_s=waits)
    )
    assert all(reply.status == 200 and reply.headers["x-cairn-cache"] == "exact" for reply in replies)
    return summary([reply.seconds for reply in replies], seconds)


async def _in_process(data: Path, at_once: int, each: int) -> dict[str, float]:
    assembly = assemble(Settings(data_dir=data, ollama_url=None, bootstrap_key=KEY))
    took: list[float] = []
    async with assembly.stores.open():
        principal = await asyncio.to_thread(assembly.services.identity.principal, KEY)

        async def ask() -> None:
            for _ in range(each):
                began = time.perf_counter()
                answer = await whole(assembly.services.ask.stream(principal, Question(QUESTION, "default")))
                took.append(time.perf_counter() - began)
                assert answer.cache == "exact"

        await whole(
            assembly.services.ask.stream(principal, Question(QUESTION, "default"))
        )  # into this process's memory
        began, used = time.perf_counter(), time.process_time()
        await asyncio.gather(*(ask() for _ in range(at_once)))
        cpu_ms = (time.process_time() - used) * 1000 / len(took)
        return {**summary(took, time.perf_counter() - began), "cpu_ms_each": round(cpu_ms, 2)}


if __name__ == "__main__":
    main()
