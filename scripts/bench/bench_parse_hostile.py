"""What comes of a folder of damaged, strange and hostile PDFs, in worker processes with limits. JSON out.

    python scripts/bench/bench_parse_hostile.py FOLDER [--processes 2] [--memory-mib 1500] [--time-limit 60]
    python scripts/bench/bench_parse_hostile.py FOLDER --mutants 2000 [--seed 0]

With --mutants, so many damaged copies of the folder's smaller files are read instead, two pages of each. An outcome is "read",
the code of one of our errors, or "unexpected" (a bug), which ends the program with status 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from app.adapters.process_pool import ProcessPool
from pipelines.domain.errors import CairnError, UnreadableFile, WorkerCrashed
from pipelines.ingest import stages
from pipelines.ingest.normalise import normalise
from pipelines.ingest.parse import PDF, codec, plan_ranges, probe

LARGEST_SEED = 400_000  # bytes
MUTANT_PAGES = 2
CUT_OFF = 0.03  # of the wounds: such files are refused at once, and try nothing
TOKENS = (
    b"<<", b">>", b"[", b"endobj", b"stream\n", b"\nendstream", b"1 0 R", b"/Kids [3 0 R 2 0 R]", b"/Length 0", b"%%EOF", b"((((",
    b"/Filter [/FlateDecode /FlateDecode]", b"/MediaBox [0 0 1e9 1e9]", b"/Parent 1 0 R", b"BT /F1 1e30 Tf", b"q " * 500,
)  # fmt: skip
NUMBERS = (b"0", b"-1", b"2147483648", b"99999999999999999999", b"1e308", b"65536", b"4294967295")


class Outcome(NamedTuple):
    name: str
    code: str
    detail: str
    pages: int
    blocks: int
    seconds: float


async def read(pool: ProcessPool, path: Path, most_pages: int) -> Outcome:
    started = time.perf_counter()
    pages = blocks = 0
    try:
        pages = await pool.run(probe, path, PDF)
        parts = [await pool.run(stages.parse_range, path, PDF, part) for part in plan_ranges(min(pages, most_pages))]
        blocks = len(normalise([codec.load(part) for part in parts]).blocks)
        code, detail = "read" if blocks else "read_without_text", ""
    except CairnError as error:
        code = error.code if isinstance(error, (UnreadableFile, WorkerCrashed)) else "unexpected"
        detail = f"{type(error).__name__}: {error.detail}"
    return Outcome(path.name, code, detail, pages, blocks, time.perf_counter() - started)


async def read_all(paths: Sequence[Path], limits: argparse.Namespace) -> list[Outcome]:
    processes = limits.processes
    free = asyncio.Semaphore(processes)  # so that no file's seconds hold the wait for others
    async with ProcessPool(processes, limits.memory_mib * 1024 * 1024, limits.time_limit) as pool:

        async def in_turn(path: Path) -> Outcome:
            async with free:
                return await read(pool, path, sys.maxsize)

        return await asyncio.gather(*map(in_turn, paths))


async def read_mutants(paths: Sequence[Path], limits: argparse.Namespace) -> list[Outcome]:
    seeds = [path.read_bytes() for path in paths if path.stat().st_size <= LARGEST_SEED]
    numbers = iter(range(limits.mutants))
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder:
        async with ProcessPool(limits.processes, limits.memory_mib * 1024 * 1024, limits.time_limit) as pool:

            async def worker() -> None:
                for number in numbers:
                    path = Path(folder) / f"mutant-{number}.pdf"
                    path.write_bytes(mutated(seeds, random.Random(f"{limits.seed}-{number}")))
                    outcomes.append(await read(pool, path, MUTANT_PAGES))
                    path.unlink()
                    if len(outcomes) % 50 == 0:
                        print(f"\r{len(outcomes)}/{limits.mutants}", end="", file=sys.stderr)

            await asyncio.gather(*(worker() for _ in range(limits.processes)))
    return outcomes


def mutated(seeds: Sequence[bytes], dice: random.Random) -> bytes:
    """One of the seeds with one to six wounds."""
    data = bytearray(dice.choice(seeds))
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(data) or 1)
        size = min(dice.choice((1, 4, 32, 512, 8_192)), len(data) - at)
        match dice.choice((0, 0, 1, 2, 4, 4, 5, 5, 6, 6, 6)) if dice.random() > CUT_OFF else 3:
            case 0:  # bits
                for place in range(at, at + min(size, 16)):
                    data[place] ^= 1 << dice.randrange(8)
            case 1:
                del data[at : at + size]
            case 2:
                data[at:at] = data[at : at + size] * dice.randint(1, 8)
            case 3:
                del data[at:]
            case 4:  # a part of another file
                other = dice.choice(seeds)
                start = dice.randrange(len(other) or 1)
                data[at : at + size] = other[start : start + size]
            case 5:
                data[at:at] = dice.choice(TOKENS)
            case _:  # a number somewhere after that place becomes another
                if found := re.compile(rb"\d+").search(data, at):
                    data[found.start() : found.end()] = dice.choice(NUMBERS)
    return bytes(data)


def report(outcomes: list[Outcome], *, brief: bool) -> dict[str, object]:
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
            if (code in ("unexpected", "worker_crashed") if brief else not code.startswith("read"))
            for outcome in found
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--memory-mib", type=int, default=1500)
    parser.add_argument("--time-limit", type=float, default=60)
    parser.add_argument("--mutants", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    paths = sorted(arguments.folder.rglob("*.pdf"))
    if not paths:
        parser.error("there are no PDFs in the folder")
    outcomes = asyncio.run((read_mutants if arguments.mutants else read_all)(paths, arguments))
    print(json.dumps(report(outcomes, brief=bool(arguments.mutants)), indent=2, ensure_ascii=False))
    sys.exit(any(outcome.code == "unexpected" for outcome in outcomes))


if __name__ == "__main__":
    main()
