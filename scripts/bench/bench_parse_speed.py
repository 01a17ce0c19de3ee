#!/usr/bin/env python
"""Pages a second and peak memory of reading PDFs: Cairn's workers beside PyMuPDF's plain text and pymupdf4llm. JSON out.

    scripts/bench/bench_parse_speed.py FOLDER [--pages 20] [--processes 2] [--only cairn,plain,pymupdf4llm] [--large 1000]

Every reader gets the same pages: so many in a row from the middle of each file, all of them with --pages 0. Each runs as a
program of its own, whose memory, with that of its workers, is watched. On a busy machine compare the seconds of the processor
(`cpu_s`). pymupdf4llm uses as many cores as it likes; Cairn one for each process. With --large, the files are put together to one
of so many pages first, which Cairn alone reads whole.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

Job = tuple[str, int, int]  # file, first and last page, from 1
WATCH_S = 0.05


def jobs_of(paths: Sequence[Path], pages: int) -> list[Job]:
    import pymupdf

    found = []
    for path in paths:
        with pymupdf.open(path) as document:
            count = document.page_count
        wanted = min(pages or count, count)
        first = 1 + (count - wanted) // 2
        found.append((str(path), first, first + wanted - 1))
    return found


def plain(jobs: Sequence[Job], _: int) -> int:
    import pymupdf

    done = 0
    for path, first, last in jobs:
        with pymupdf.open(path) as document:
            done += sum(1 for number in range(first - 1, last) if document[number].get_text() is not None)
    return done


def pymupdf4llm(jobs: Sequence[Job], _: int) -> int:
    import pymupdf4llm as library

    for path, first, last in jobs:
        library.to_markdown(path, pages=list(range(first - 1, last)), use_ocr=False)
    return sum(last - first + 1 for _, first, last in jobs)


def cairn(jobs: Sequence[Job], processes: int) -> int:
    from app.adapters.process_pool import ProcessPool
    from pipelines.ingest import stages
    from pipelines.ingest.parse import PDF, PageRange

    async def read() -> int:
        parts = [
            (Path(path), PageRange(start, min(start + 15, last)))
            for path, first, last in jobs
            for start in range(first, last + 1, 16)
        ]
        async with ProcessPool(processes, 2 << 30, 600, niceness=0) as pool:  # as the others run
            await asyncio.gather(*(pool.run(stages.parse_range, path, PDF, pages) for path, pages in parts))
        return sum(last - first + 1 for _, first, last in jobs)

    return asyncio.run(read())


READERS = {"cairn": cairn, "plain": plain, "pymupdf4llm": pymupdf4llm}


def watched(reader: str, jobs: Sequence[Job], processes: int) -> dict[str, float]:
    """Runs the reader in a program of its own."""
    command = [sys.executable, __file__, "--reader", reader, "--processes", str(processes)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin is not None and child.stdout is not None  # noqa: PT018
    child.stdin.write(json.dumps(jobs))
    child.stdin.close()
    peak = 0
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    while child.poll() is None:
        peak = max(peak, sum(_resident(pid) for pid in _family(child.pid)))
        time.sleep(WATCH_S)
    if child.returncode:
        raise SystemExit(f"{reader} failed")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {**json.loads(child.stdout.read()), "cpu_s": round(cpu_s, 1), "peak_mb": round(peak / 1e6)}


def _family(root: int) -> Iterator[int]:
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    known = {root}
    while new := {pid for pid, parent in parents.items() if parent in known} - known:
        known |= new
    yield from known


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def large(paths: Sequence[Path], pages: int, target: Path) -> None:
    import pymupdf

    with pymupdf.open() as document:
        while document.page_count < pages:
            for path in paths:
                with pymupdf.open(path) as part:
                    document.insert_pdf(part, to_page=min(part.page_count, pages - document.page_count) - 1)
                if document.page_count >= pages:
                    break
        document.save(target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--pages", type=int, default=20, help="of each file; 0: all")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", default=",".join(READERS))
    parser.add_argument("--large", type=int, default=0)
    parser.add_argument("--reader", choices=READERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.reader:
        began = time.perf_counter()
        pages = READERS[arguments.reader](json.load(sys.stdin), arguments.processes)
        seconds = time.perf_counter() - began
        print(json.dumps({"pages": pages, "seconds": round(seconds, 2), "pages_per_s": round(pages / seconds, 2)}))
        return
    if arguments.folder is None:
        parser.error("name a folder with PDFs")
    paths = sorted(arguments.folder.rglob("*.pdf"))
    report: dict[str, object] = {"files": len(paths), "cores": os.cpu_count(), "processes": arguments.processes}
    if arguments.large:
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "large.pdf"
            large(paths, arguments.large, target)
            report["large"] = watched("cairn", jobs_of([target], 0), arguments.processes)
    else:
        jobs = jobs_of(paths, arguments.pages)
        found = {name: watched(name, jobs, arguments.processes) for name in arguments.only.split(",")}
        report |= found
        if "cairn" in found and "pymupdf4llm" in found:
            report["times_pymupdf4llm"] = round(found["cairn"]["pages_per_s"] / found["pymupdf4llm"]["pages_per_s"], 1)
            report["times_in_cpu_s"] = round(found["pymupdf4llm"]["cpu_s"] / found["cairn"]["cpu_s"], 1)
    print(json.dumps({**report, "load": os.getloadavg()[0]}, indent=2))


if __name__ == "__main__":
    main()
