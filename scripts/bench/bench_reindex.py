#!/usr/bin/env python
"""A collection is built anew while questions come at a steady rate; with --kill, the server dies once in the middle.

    scripts/bench/bench_reindex.py [--documents 40] [--rate 20] [--kill]

Every tenth question is answered, the others are searches. Counts those that failed while the server was up, and those that
saw chunks of both builds; gives the time of each, and what was wrong in the end. JSON out; exits 1 if anything was.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import chromadb
import httpx
from chromadb.config import Settings as ChromaSettings

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.e2e.server import KEY, Server, events, finished, upload

NEW = "layout-200-1"
TOPICS = ("leave", "travel", "training", "equipment", "safety", "pensions", "parking", "insurance")


@dataclass
class Load:
    """Questions at a rate, whether or not the last one was answered (an open loop)."""

    server: Server
    rate: float
    seen: list[set[str]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    times_ms: dict[str, list[float]] = field(default_factory=lambda: {"search": [], "query": []})
    while_down: int = 0
    turns: int = 0  # the server went down or came up; odd while it is down
    stop: bool = False

    async def run(self) -> None:
        headers = {"Authorization": f"Bearer {KEY}"}
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(
            base_url=self.server.url, headers=headers, timeout=60, limits=limits, trust_env=False
        ) as client:
            began, number, under_way = time.monotonic(), 0, set[asyncio.Task[None]]()
            while not self.stop:
                task = asyncio.create_task(self._ask(client, number))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
                number += 1
                await asyncio.sleep(max(0.0, began + number / self.rate - time.monotonic()))
            await asyncio.gather(*under_way)

    async def _ask(self, client: httpx.AsyncClient, number: int) -> None:
        topic = TOPICS[number % len(TOPICS)]
        question = f"Who approves {topic} in department {number % 40}?"
        kind = "query" if number % 10 == 9 else "search"
        body: dict[str, Any] = {"query": question, "top_k": 10} | ({"stream": False} if kind == "query" else {})
        turns, began = self.turns, time.perf_counter()
        try:
            response = await client.post(f"/v1/{kind}", json=body)
            response.raise_for_status()
        except httpx.HTTPError as error:
            if turns % 2 or turns != self.turns:
                self.while_down += 1
            else:
                self.failed.append(f"{type(error).__name__}: {error}")
            return
        self.times_ms[kind].append((time.perf_counter() - began) * 1000)
        answer = response.json()
        if answer["degraded"] not in ([], ["model"]):
            self.failed.append(f"degraded: {answer['degraded']}")
        self.seen.append({each["chunk_id"] for each in answer["passages" if kind == "search" else "citations"]})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=40)
    parser.add_argument("--rate", type=float, default=20, help="questions a second")
    parser.add_argument(
        "--kill", action="store_true", help="kill -9 the server once a part is built, and start it again"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "data", {"CAIRN_LOG_LEVEL": "warning"}).start()
        try:
            report = asyncio.run(_measured(server, Path(folder), arguments))
        finally:
            server.stop()
    print(json.dumps(report, indent=2))
    return 1 if report["failed"] or report["saw_both_builds"] or report["wrong_in_the_end"] else 0


async def _measured(server: Server, folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    ids = await asyncio.to_thread(_take_in, server, folder, arguments.documents)
    load = Load(server, arguments.rate)
    asking = asyncio.create_task(load.run())
    await asyncio.sleep(3)
    quiet = {kind: list(times) for kind, times in load.times_ms.items()}
    began = time.monotonic()
    await asyncio.to_thread(_reindex, server, load, kill=arguments.kill)
    took_s = time.monotonic() - began
    await asyncio.sleep(2)
    load.stop = True
    await asking
    _, after = _chunks(server, NEW)
    wrong = await asyncio.to_thread(_wrong, server, ids, after)
    return {
        "documents": arguments.documents,
        "chunks": len(after),
        "reindex_s": round(took_s, 1),
        "answered": len(load.seen),
        "failed": load.failed,
        "while_the_server_was_down": load.while_down,
        "saw_both_builds": sum(1 for each in load.seen if each & after and not each <= after),
        "wrong_in_the_end": wrong,
        "before_ms": {kind: _percentiles(times) for kind, times in quiet.items()},
        "all_ms": {kind: _percentiles(times) for kind, times in load.times_ms.items()},
        "load_average": os.getloadavg()[0],
    }


def _take_in(server: Server, folder: Path, documents: int) -> list[str]:
    dice = random.Random(5)
    with server.client() as client:
        taken = [upload(client, _note(folder, number, dice)) for number in range(documents)]
        for document in taken:
            finished(client, document["job_id"])
    return [document["document_id"] for document in taken]


def _note(folder: Path, number: int, dice: random.Random) -> Path:
    sections = []
    for topic in TOPICS:
        lines = " ".join(
            f"The head of department {number} approves {topic} up to {dice.randrange(100, 9_000)} euros in step {line}."
            for line in range(12)
        )
        sections.append(f"## {topic.title()}\n\n{lines}")
    path = folder / f"department-{number}.md"
    path.write_text(f"# Rules of department {number}\n\n" + "\n\n".join(sections) + "\n")
    return path


def _reindex(server: Server, load: Load, *, kill: bool) -> None:
    with server.client() as client:
        job = client.post("/v1/collections/default/reindex", json={"chunker": NEW}).json()
        if kill:
            with suppress(httpx.HTTPError):
                for name, data, _ in events(client, "GET", f"/v1/jobs/{job['id']}/events"):
                    if name == "step.completed" and data["step"].startswith("build-page"):
                        break
            load.turns += 1
            server.kill()
            server.start()
            load.turns += 1
    with server.client() as client:
        finished(client, job["id"])


def _chunks(server: Server, chunker: str) -> tuple[set[str], set[str]]:
    """Those that other chunkers made, and those that this one did. The old ones are gone when all went well."""
    with sqlite3.connect(server.data_dir / "catalog.sqlite3") as catalog:
        rows = catalog.execute("SELECT id, chunker FROM chunks").fetchall()
    return {id_ for id_, by in rows if by != chunker}, {id_ for id_, by in rows if by == chunker}


def _wrong(server: Server, ids: list[str], after: set[str]) -> list[str]:
    found = []
    with server.client() as client:
        for id_ in ids:
            if client.get(f"/v1/documents/{id_}").json()["status"] != "ready":
                found.append(f"{id_} is not ready")
    server.stop()
    chroma = chromadb.PersistentClient(
        str(server.data_dir / "chroma"), settings=ChromaSettings(anonymized_telemetry=False)
    )
    vectors = [set(each.get(include=[])["ids"]) for each in chroma.list_collections()]
    if vectors != [after]:
        found.append(f"vectors: {[len(each) for each in vectors]}, chunks: {len(after)}")
    if left := _chunks(server, NEW)[0]:
        found.append(f"{len(left)} chunks of the old build")
    return found


def _percentiles(times: list[float]) -> dict[str, float]:
    if len(times) < 2:
        return {}
    cuts = statistics.quantiles(times, n=100)
    return {
        "p50": round(cuts[49], 1),
        "p95": round(cuts[94], 1),
        "p99": round(cuts[98], 1),
        "max": round(max(times), 1),
    }


if __name__ == "__main__":
    sys.exit(main())
