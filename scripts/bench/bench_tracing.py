#!/usr/bin/env python
"""What tracing costs a request: `scripts/bench/bench_tracing.py [--requests N] [--out FILE]`.

Three servers side by side, each with the same document: one without traces, one that sends them to a collector, and one whose
collector takes connections and never answers. The same requests go to the three in turn, one at a time: an answer given again,
a search, and a question that is answered anew (by extraction: no model's time is in it). Milliseconds, as JSON; `cpu_ms_each` is
the server's processor time of a request, its export included, which a busy machine does not change. `span_cpu_us`: of one span,
without traces and with them, in this process (a question makes about ten; one that is answered from the cache, two).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import httpx

from app.cli.handbook import QUESTION, write
from app.observability.traces import OtelTracer
from tests.e2e.server import Server, finished, running, upload
from tests.fakes import collector

Ask = Callable[[httpx.Client, int], httpx.Response]
KINDS: Mapping[str, Ask] = {
    "answer_given_again": lambda client, _: client.post("/v1/query", json={"query": QUESTION, "stream": False}),
    "search": lambda client, n: client.post("/v1/search", json={"query": f"{QUESTION} {n}"}),
    "answer_made": lambda client, n: client.post("/v1/query", json={"query": f"{QUESTION} {n}", "stream": False}),
}
WARM = 10
EXPORT_S = 6  # more than the exporter lets spans wait


def measured(
    servers: Mapping[str, Server], clients: Mapping[str, httpx.Client], kind: Ask, requests: int
) -> dict[str, dict[str, float]]:
    times: dict[str, list[float]] = {name: [] for name in clients}
    before = {name: processor_s(server) for name, server in servers.items()}
    for number in range(-WARM, requests):
        order = list(clients.items())
        turn = number % len(order)
        for name, client in order[turn:] + order[:turn]:  # none is always the first
            began = time.perf_counter()
            kind(client, number).raise_for_status()
            if number >= 0:
                times[name].append((time.perf_counter() - began) * 1000)
    time.sleep(EXPORT_S)  # what is still to be sent belongs to these requests
    used = {name: processor_s(server) - before[name] for name, server in servers.items()}
    each = requests + WARM
    return {name: summary(times[name]) | {"cpu_ms_each": round(used[name] * 1000 / each, 2)} for name in times}


def span_cpu_us(spans: int = 20_000) -> dict[str, float]:
    """Processor time of a span with three facts, export included, in microseconds."""
    return {"off": _spans(None, spans), "on": asyncio.run(_sent_spans(spans))}


def _spans(tracer: OtelTracer | None, spans: int) -> float:
    tracer = tracer or OtelTracer(None, "bench")
    began = time.process_time()
    for number in range(spans):
        with tracer.span("measured", {"cairn.tenant": "main", "cairn.top_k": number, "cairn.cache": "none"}):
            pass
    return round((time.process_time() - began) / spans * 1e6, 1)


async def _sent_spans(spans: int) -> float:
    with collector.silent() as (url, _):
        tracer = OtelTracer(url, "bench")
        async with tracer.sending():
            return _spans(tracer, spans)


def processor_s(server: Server) -> float:
    """What the server has used, without its workers."""
    assert server.process is not None
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def summary(times: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(times, n=100)
    return {"median_ms": round(cuts[49], 2), "p95_ms": round(cuts[94], 2), "mean_ms": round(statistics.mean(times), 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=300, help="of each kind, to each server")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        handbook = folder / "handbook.pdf"
        write(handbook)
        receiver = stack.enter_context(collector.running())
        silent, _ = stack.enter_context(collector.silent())
        addresses = {"off": "", "on": receiver.url, "dead_collector": silent}
        clients, servers = {}, {}
        for name, address in addresses.items():
            servers[name] = stack.enter_context(running(folder / name, CAIRN_OTLP_URL=address))
            clients[name] = stack.enter_context(servers[name].client())
            finished(clients[name], upload(clients[name], handbook)["job_id"])
        report = {
            "requests": given.requests,
            "span_cpu_us": span_cpu_us(),
            **{kind: measured(servers, clients, ask, given.requests) for kind, ask in KINDS.items()},
            "spans_received": len(receiver.spans),
        }
    text = json.dumps(report, indent=1)
    print(text)
    if given.out:
        given.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
