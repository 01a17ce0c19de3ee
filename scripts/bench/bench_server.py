#!/usr/bin/env python
"""The server as an operator meets it: seconds to ready, memory when idle, and the time to answer a 5 MB upload. JSON out.

scripts/bench/bench_server.py [--uploads 20] [--megabytes 5]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from app.cli.handbook import QUESTION, write
from tests.e2e.server import Server, finished


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uploads", type=int, default=20)
    parser.add_argument("--megabytes", type=float, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        handbook = Path(folder) / "handbook.pdf"
        write(handbook)
        server = Server(Path(folder) / "data").start()  # the first start makes the catalog and the model's graph
        _wait_until_quiet(server)
        server.stop()
        began = time.perf_counter()
        server.start()
        ready_s = time.perf_counter() - began
        _wait_until_quiet(server)
        idle_bytes = memory(server)
        with server.client() as client:
            uploads_ms, jobs = [], []
            for number in range(arguments.uploads):
                content = _padded(handbook.read_bytes(), int(arguments.megabytes * 1e6))
                began = time.perf_counter()
                response = client.post("/v1/documents", files={"file": (f"{number}.pdf", content)})
                uploads_ms.append((time.perf_counter() - began) * 1000)
                assert response.status_code == 202, response.text
                jobs.append(response.json()["documents"][0]["job_id"])
                finished(client, jobs[-1])
            began = time.perf_counter()
            answer = client.post("/v1/query", json={"query": QUESTION, "stream": False}).json()
            answer_ms = (time.perf_counter() - began) * 1000
            assert answer["citations"]
        worked_bytes = memory(server)
        server.stop()
    report = {
        "warm_start_to_ready_s": round(ready_s, 2),
        "idle_rss_mb": round(idle_bytes / 1e6),
        "rss_after_ingest_mb": round(worked_bytes / 1e6),
        "upload_mb": arguments.megabytes,
        "upload_to_202_ms": {"median": round(statistics.median(uploads_ms), 1), "max": round(max(uploads_ms), 1)},
        "extracted_answer_ms": round(answer_ms, 1),
        "load_average": os.getloadavg()[0],
    }
    print(json.dumps(report, indent=2))


def _padded(pdf: bytes, size: int) -> bytes:
    """The same document with a comment of random digits before its trailer: a content of its own, and that large."""
    tail = pdf[pdf.rindex(b"startxref") :]
    return pdf + b"%" + os.urandom((size - len(pdf)) // 2).hex().encode() + b"\n" + tail


def _wait_until_quiet(server: Server) -> None:
    """The server loads what the first question needs behind the first request."""
    with server.client() as client:
        client.get("/readyz")
    time.sleep(2)


def memory(server: Server) -> int:
    """Resident bytes of the server and its workers."""
    assert server.process is not None
    pids = {server.process.pid}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) in pids:
            pids.add(int(status.parent.name))
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
