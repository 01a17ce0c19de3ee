"""What comes of a folder of damaged, strange and hostile PDFs, in worker processes with limits. JSON out.

    python scripts/bench/bench_parse_hostile.py FOLDER [--processes 2] [--memory-mib 1500] [--time-limit 60]

An outcome is "read", the code of one of our errors, or "unexpected" (a bug), which ends the program with status 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from app.adapters.process_pool import ProcessPool
from pipelines.domain.errors import CairnError, UnreadableFile
from pipelines.ingest import stages
from pipelines.ingest.normalise import normalise
from pipelines.ingest.parse import PDF, codec, plan_ranges, probe


class Outcome(NamedTuple):
    name: str
    code: str
    detail: str
    pages: int
    blocks: int
    seconds: float


async def read(pool: ProcessPool, path: Path) -> Outcome:
    started = time.perf_counter()
    pages = blocks = 0
    try:
        pages = await pool.run(probe, path, PDF)
        parts = [await pool.run(stages.parse_range, path, PDF, part) for part in plan_ranges(pages)]
        blocks = len(normalise([codec.load(part) for part in parts]).blocks)
        code, detail = "read" if blocks else "read_without_text", ""
    except CairnError as error:
        code = error.code if isinstance(error, UnreadableFile) else "unexpected"
        detail = f"{type(error).__name__}: {error.detail}"
    return Outcome(path.name, code, detail, pages, blocks, time.perf_counter() - started)


async def read_all(paths: Sequence[Path], processes: int, memory_mib: int, time_limit_s: float) -> list[Outcome]:
    free = asyncio.Semaphore(processes)  # so that no file's seconds hold the wait for others
    async with ProcessPool(processes, memory_mib * 1024 * 1024, time_limit_s) as pool:

        async def in_turn(path: Path) -> Outcome:
            async with free:
                return await read(pool, path)

        return await asyncio.gather(*map(in_turn, paths))


def report(outcomes: list[Outcome]) -> dict[str, object]:
    by_code: defaultdict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_code[outcome.code].append(outcome)
    return {
        "files": len(outcomes),
        "pages": sum(outcome.pages for outcome in outcomes),
        "outcomes": {code: len(found) for code, found in sorted(by_code.items())},
        "median_s": statistics.median(outcome.seconds for outcome in outcomes),
        "not_read": {
            outcome.name: {"code": code, "detail": outcome.detail, "pages": outcome.pages}
            for code, found in sorted(by_code.items())
            if code != "read"
            for outcome in found
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--memory-mib", type=int, default=1500)
    parser.add_argument("--time-limit", type=float, default=60)
    arguments = parser.parse_args()
    paths = sorted(arguments.folder.rglob("*.pdf"))
    if not paths:
        parser.error("there are no PDFs in the folder")
    outcomes = asyncio.run(read_all(paths, arguments.processes, arguments.memory_mib, arguments.time_limit))
    print(json.dumps(report(outcomes), indent=2, ensure_ascii=False))
    sys.exit(any(outcome.code == "unexpected" for outcome in outcomes))


if __name__ == "__main__":
    main()
