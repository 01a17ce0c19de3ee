"""What the audit log costs a request, how long a chain takes to verify, and how damage to it is named. JSON out.

    python scripts/bench/bench_audit.py [--rows 10000]

On SQLite in a temporary folder, every commit on disk: one act alone, as a request waits for it, and 50 requests at once.
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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from app.adapters.signing import Ed25519Signer
from app.adapters.sql.audit import SqlAuditLog
from pipelines.domain.audit import Act, problems


def act(number: int) -> Act:
    documents = [f"doc_{number + each:024}" for each in range(8)]
    return Act(datetime.now(UTC), "acme", "ada", "answer", targets={"collection": "default", "documents": documents})


async def timed(log: SqlAuditLog, number: int) -> float:
    began = time.perf_counter()
    await log.record([act(number)])
    return (time.perf_counter() - began) * 1000


async def measure(folder: Path, rows: int) -> dict[str, Any]:
    log = SqlAuditLog(f"sqlite:///{folder / 'audit.sqlite3'}", Ed25519Signer(folder / "key"))
    log.open()
    alone = [await timed(log, number) for number in range(500)]
    together: list[float] = []
    for first in range(0, 5_000, 50):
        together += await asyncio.gather(*(timed(log, first + each) for each in range(50)))
    await log.record([act(number) for number in range(rows - len(alone) - len(together))])
    head = log.head("acme")
    assert head is not None
    began = time.perf_counter()
    lines = [line for _, line in log.lines("acme", 0, rows)]
    found = list(problems(lines, head.number, head.digest))
    verified = time.perf_counter() - began
    await log.close()
    half = rows // 2
    damaged = {
        f"a byte of row {half} flipped": [*lines[: half - 1], _flipped(lines[half - 1]), *lines[half:]],
        f"row {half} dropped": [*lines[: half - 1], *lines[half:]],
        "the last row dropped": lines[:-1],
        f"rows {half} and {half + 1} swapped": [*lines[: half - 1], lines[half], lines[half - 1], *lines[half + 1 :]],
    }
    return {
        "alone_p50_ms": statistics.median(alone),
        "alone_p99_ms": statistics.quantiles(alone, n=100)[98],
        "50_at_once_p50_ms": statistics.median(together),
        "50_at_once_p99_ms": statistics.quantiles(together, n=100)[98],
        "rows": head.number,
        "verify_s": verified,
        "problems": len(found),
        "damage": {name: list(problems(each, head.number, head.digest)) for name, each in damaged.items()},
    }


def _flipped(line: str) -> str:
    """With another bit in its middle."""
    middle = len(line) // 2
    return f"{line[:middle]}{chr(ord(line[middle]) ^ 1)}{line[middle + 1 :]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(Path(folder), given.rows))
    print(json.dumps({**found, "load": os.getloadavg()[0]}, indent=2))


if __name__ == "__main__":
    main()
