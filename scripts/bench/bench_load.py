"""Half a minute of mixed questions from 50 clients, one in a hundred of them the same: with no model, and with a stand-in.

Any status but 200 and any failed read is an error. Memory is the server's and its workers', resident, once a second; it is
flat when the last third is what the second third was. JSON on standard output.

    .venv/bin/python -m scripts.bench.bench_load [--seconds 30] [--clients 50] [--documents 40]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import tempfile
import threading
import time
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from scripts.bench.bench_server import memory
from scripts.bench.http_clients import Reply, ask_for, summary
from scripts.bench.question_pairs import FAMILIES, slots
from tests.e2e.server import KEY, Server, finished, running, upload
from tests.fakes.ollama import FakeOllama
from tests.fakes.ollama import running as serving

_HOT = "What is the maximum pressure of the boiler?"
_HOT_SHARE = 0.01
_SENTENCES = 30
_FROM_THE_CACHE = b'"timings_ms":{"cache":'  # not one that waited for the same question of somebody else to be answered


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--documents", type=int, default=40)
    arguments = parser.parse_args()
    report = {
        name: measured(model, arguments.clients, arguments.seconds, arguments.documents)
        for name, model in (("no model", None), ("stand-in model", FakeOllama()))
    }
    print(json.dumps({**report, "load_average": os.getloadavg()[0]}, indent=2))


def measured(model: FakeOllama | None, clients: int, seconds: float, documents: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, serving(model) if model else nullcontext() as ollama:
        environment = {"CAIRN_OLLAMA_URL": ollama.url if ollama else ""}
        with running(Path(folder) / "data", **environment) as server:
            _fill(server, Path(folder), documents)
            memories: list[int] = []
            over = threading.Event()
            watch = threading.Thread(target=_watch, args=(server, memories, over))
            watch.start()
            began = time.perf_counter()
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                replies = pool.apply(_ask, (server.url, clients, seconds))
            took = time.perf_counter() - began
            over.set()
            watch.join()
    return _report(replies, memories, took)


def _fill(server: Server, folder: Path, documents: int) -> None:
    """Documents of the kind that the questions are about."""
    draw = random.Random(11)
    jobs = []
    with server.client() as client:
        for number in range(documents):
            path = folder / f"rules-{number}.md"
            path.write_text(f"# Rules, part {number}\n\n" + "\n\n".join(sentence(draw) for _ in range(_SENTENCES)))
            jobs.append(upload(client, path)["job_id"])
        for job in jobs:
            finished(client, job)


def sentence(draw: random.Random) -> str:
    return draw.choice(
        (
            "{company}'s {metric} in {year} was {amount} {currency}.",
            "{group} get {number} {unit} of {leave}.",
            "The notice period of {group} is {number} {unit}.",
            "The {bound} {quantity} of the {machine} is {amount}.",
            "The {role} of {company} is {person}, who reports to {other_person}.",
            "{company} opened its office in {place} in {year}.",
            "Clause {clause} of the {rule}: {item} are reimbursed up to {amount} {currency}.",
            "A {thing} is requested by mail and handed out in {place}.",
        )
    ).format(**slots(draw))


def question(draw: random.Random) -> tuple[str, object]:
    any_other = draw.choice(FAMILIES[draw.choice(list(FAMILIES))]).format(**slots(draw))
    text = _HOT if draw.random() < _HOT_SHARE else any_other
    way = draw.random()
    if way < 0.1:
        return "/v1/search", {"query": text}
    return "/v1/query", {"query": text, "stream": way < 0.3}


def _ask(url: str, clients: int, seconds: float) -> list[Reply]:
    found = asyncio.run(ask_for(url, KEY, clients=clients, seconds=seconds, question=question))
    return [each._replace(body=each.body[-4_000:]) for each in found]


def _watch(server: Server, memories: list[int], over: threading.Event) -> None:
    while not over.wait(1):
        memories.append(memory(server))


def _report(replies: list[Reply], memories: list[int], took: float) -> dict[str, Any]:
    good = [reply for reply in replies if reply.status == 200 and b"event: error" not in reply.body]
    served = Counter(reply.headers.get("x-cairn-cache", "none") for reply in good)
    third = max(1, len(memories) // 3)
    before, after = (float(np.mean(part)) / 1e6 for part in (memories[third : 2 * third], memories[-third:]))
    return {
        "questions": len(replies),
        "errors": dict(Counter(reply.status for reply in replies if reply not in good)),
        **summary([reply.seconds for reply in good], took),
        "served_from": dict(served),
        "kept_p99_ms": _p99([each.seconds for each in good if _FROM_THE_CACHE in each.body]),
        "memory_mb": {"second third": round(before), "last third": round(after), "most": round(max(memories) / 1e6)},
    }


def _p99(seconds: list[float]) -> float | None:
    return round(float(np.percentile(seconds, 99)) * 1000, 1) if seconds else None


if __name__ == "__main__":
    main()
