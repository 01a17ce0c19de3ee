"""How fast the built-in embedder is and how much memory it takes, beside the plain way. JSON out.

    python scripts/bench/bench_embedding.py [--texts 128] [--questions 40]

The plain way: batches of 32 texts as they come, padded to the longest. Each case runs in a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from app.adapters.minilm import MiniLmEmbedder, graph
from app.adapters.minilm.weights import locate
from scripts.make_minilm_reference import texts as reference_texts

QUESTION = "How many days of paid leave do employees get each year?"
PLAIN_BATCH = 32


def job(count: int) -> list[str]:
    """Texts of 40 to 260 words: chunks of documents."""
    chance = random.Random(1)
    words = " ".join(reference_texts()[-20:]).split()
    return [" ".join(chance.choices(words, k=chance.randint(40, 260))) for _ in range(count)]


async def plainly(embedder: MiniLmEmbedder, texts: Sequence[str]) -> None:
    loaded = embedder._load()
    for first in range(0, len(texts), PLAIN_BATCH):
        encoded = loaded.encode(texts[first : first + PLAIN_BATCH])
        await asyncio.to_thread(loaded.embed, encoded)


async def measure(cache: Path, threads: int, plain: bool, count: int, questions: int) -> dict[str, Any]:
    embedder = MiniLmEmbedder(cache, threads=threads)
    started = time.perf_counter()
    await embedder.ping()
    result: dict[str, Any] = {"load_s": time.perf_counter() - started, "rss_loaded_mib": _memory_mib("VmRSS")}
    texts = job(count)
    tokens = sum(min(length + 2, embedder.max_tokens) for length in embedder.token_counter()(texts))
    if not plain:
        result["question_alone_ms"] = _percentiles([await _asked(embedder) for _ in range(questions)])
    wall, cpu = time.perf_counter(), time.process_time()
    await (plainly(embedder, texts) if plain else embedder.embed_documents(texts))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    result |= {
        "texts_per_s": count / wall,
        "tokens_per_s": tokens / wall,
        "tokens_per_cpu_s": tokens / cpu,
    }
    await embedder.embed_documents(["the end"])  # behind what is still to be done of the job
    result["rss_after_job_mib"] = _memory_mib("VmRSS")
    if not plain:
        working = asyncio.create_task(embedder.embed_documents(texts))
        waits = []
        while not working.done():
            waits.append(await _asked(embedder))
        await working
        result |= {"question_during_job_ms": _percentiles(waits), "questions_during_job": len(waits)}
    result["rss_peak_mib"] = _memory_mib("VmHWM")
    await embedder.close()
    return result


async def _asked(embedder: MiniLmEmbedder) -> float:
    started = time.perf_counter()
    await embedder.embed_query(QUESTION)
    return (time.perf_counter() - started) * 1000


def _percentiles(values: Sequence[float]) -> dict[str, float]:
    p50, p99 = np.percentile(values, [50, 99])
    return {"p50": float(p50), "p99": float(p99)}


def _memory_mib(field: str) -> float:
    """VmRSS, what is resident now, or VmHWM, the most that ever was (proc(5))."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (found,) = (line for line in lines if line.startswith(f"{field}:"))
    return int(found.split()[1]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=128)
    parser.add_argument("--questions", type=int, default=40)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        cache, threads, way = json.loads(arguments.case)
        found = asyncio.run(measure(Path(cache), threads, way == "plain", arguments.texts, arguments.questions))
        print(json.dumps(found))
        return
    with tempfile.TemporaryDirectory() as cache:
        graph.cached(locate().weights, Path(cache))
        results = {
            f"{way}, {threads} thread(s)": _in_a_process(arguments, cache, threads, way)
            for threads in (1, 2)
            for way in ("ours", "plain")
        }
    machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    print(json.dumps({"machine": machine, "load_average": os.getloadavg()[0], "results": results}, indent=2))


def _in_a_process(arguments: argparse.Namespace, cache: str, threads: int, way: str) -> Any:
    """Anew, so that no case sees another's memory."""
    command = [sys.executable, __file__, f"--texts={arguments.texts}", f"--questions={arguments.questions}"]
    command.append(f"--case={json.dumps([cache, threads, way])}")
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


if __name__ == "__main__":
    main()
