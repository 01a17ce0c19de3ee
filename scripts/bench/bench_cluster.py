"""A cluster on this machine with 1, 2 and 4 API processes: how fast it takes documents in, and how fast it answers.

The same documents and the same mix of questions each time: nine in ten ask for an answer, extracted, since there is no model; one
in ten only searches; one in a hundred is the same. So many clients ask as fast as they are answered. `cores` is the processor
time of each part by the clock: where they add up to what the machine has, the machine is the limit. JSON on standard output.

    .venv/bin/python -m scripts.bench.bench_cluster [--apis 1 2 4] [--documents 60] [--clients 16] [--seconds 20]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from scripts.bench.bench_load import question, sentence
from scripts.bench.http_clients import Reply, ask_for
from scripts.cluster.parts import AUTHORISED, KEY, Cluster

_SENTENCES = 30
_UPLOADERS = 4
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--apis", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--documents", type=int, default=60)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=20)
    arguments = parser.parse_args()
    report = {}
    for apis in arguments.apis:
        found = measured(apis, arguments.documents, arguments.clients, arguments.seconds)
        print(apis, json.dumps(found), file=sys.stderr, flush=True)
        report[f"{apis} API"] = found
    print(json.dumps({**report, "machine_cores": os.cpu_count(), "load_average": os.getloadavg()[0]}, indent=1))


def measured(apis: int, documents: int, clients: int, seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="cairn-cluster-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user
        cluster = Cluster(folder, apis)
        try:
            cluster.start()
            before, began = processor_s(cluster), time.perf_counter()
            chunks = _take_in(cluster.url, documents)
            taken_s = time.perf_counter() - began
            middle = processor_s(cluster)
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                pool.apply(_ask, (cluster.url, clients, 3.0))  # each process reads its model and its vectors
                warm, began = processor_s(cluster), time.perf_counter()
                replies = pool.apply(_ask, (cluster.url, clients, seconds))
            asked_s = time.perf_counter() - began
            after = processor_s(cluster)
        finally:
            cluster.stop()
    good = [reply.seconds * 1000 for reply in replies if reply.status == 200]
    p50, p95, p99 = np.percentile(good, [50, 95, 99])
    return {
        "ingest": {
            "documents_per_s": round(documents / taken_s, 2),
            "chunks_per_s": round(chunks / taken_s, 1),
            "cores": _cores(before, middle, taken_s),
        },
        "questions": {
            "per_s": round(len(good) / asked_s, 1),
            "p50_ms": round(float(p50)),
            "p95_ms": round(float(p95)),
            "p99_ms": round(float(p99)),
            "failed": dict(Counter(reply.status for reply in replies if reply.status != 200)),
            "served_from": dict(Counter(reply.headers.get("x-cairn-cache", "none") for reply in replies)),
            "cores": _cores(warm, after, asked_s),
        },
    }


def processor_s(cluster: Cluster) -> dict[str, float]:
    """Seconds of processor time that each part and its children have had."""
    parents, ticks = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        pid = int(path.parent.name)
        parents[pid], ticks[pid] = int(fields[1]), sum(map(int, fields[11:15]))  # with children that ended
    found = {part.process.pid: name for name, part in cluster.parts.items() if part.process is not None}
    total: Counter[str] = Counter()
    for pid in ticks:
        at = pid
        while at not in found and at in parents:
            at = parents[at]
        if at in found:
            total[found[at]] += ticks[pid]
    return {name: number / _TICKS_PER_S for name, number in total.items()}


def _cores(before: Mapping[str, float], after: Mapping[str, float], took_s: float) -> dict[str, float]:
    used: Counter[str] = Counter()
    for name, seconds in after.items():
        used["api" if name.startswith("api-") else name] += seconds - before.get(name, 0)
    shares = {name: round(seconds / took_s, 2) for name, seconds in used.most_common()}
    return {**{name: share for name, share in shares.items() if share >= 0.01}, "all": round(used.total() / took_s, 2)}


def _take_in(url: str, documents: int) -> int:
    """Returns the number of chunks when every document is ready."""
    draw = random.Random(11)
    texts = [
        f"# Rules, part {number}\n\n" + "\n\n".join(sentence(draw) for _ in range(_SENTENCES))
        for number in range(documents)
    ]
    with (
        httpx.Client(base_url=url, headers=AUTHORISED, timeout=120, trust_env=False) as client,
        ThreadPoolExecutor(_UPLOADERS) as people,
    ):

        def send(at: int) -> str:
            reply = client.post("/v1/documents", files={"file": (f"rules-{at}.md", texts[at])}).raise_for_status()
            return str(reply.json()["documents"][0]["document_id"])

        sent = list(people.map(send, range(documents)))
        waiting, chunks = set(sent), 0
        while waiting:
            for id_ in list(waiting):
                document = client.get(f"/v1/documents/{id_}").raise_for_status().json()
                if document["status"] == "ready":
                    waiting.remove(id_)
                    chunks += document["latest_version"]["chunks"]
                elif document["status"] == "failed":
                    raise SystemExit(f"{id_} failed")
                else:
                    break
            time.sleep(0.2)
    return chunks


def _ask(url: str, clients: int, seconds: float) -> list[Reply]:
    found = asyncio.run(ask_for(url, KEY, clients=clients, seconds=seconds, question=question))
    return [each._replace(body=b"") for each in found]


if __name__ == "__main__":
    main()
