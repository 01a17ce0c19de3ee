#!/usr/bin/env python
"""How long a search takes without a model, beside a bare query of Chroma with its embedding. JSON out.

    scripts/bench/bench_latency.py [--sizes 10000 100000] [--data ../shared/data] [--keep FOLDER]

Ours is the whole path in this process: the key, what the person sees of the collection, both searches, fusion, the catalog's
check, the order. Bare is what a program of ten lines does: the question embedded by the same model, and the eight nearest of one
collection of Chroma that holds texts and vectors. Each question is put to both in turn, after a few that do not count; a few
more with a filter on one document in ten. The texts are halves of passages of real filings and corpora, put together at random;
the vectors are those of real passages, mixed likewise, as 100,000 passages take an hour to embed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import chromadb
import numpy as np
from chromadb.config import Settings as ChromaSettings

sys.path.insert(0, str(Path(__file__).parents[2]))

from app.adapters.chroma import ChromaIndex
from app.adapters.minilm import MiniLmEmbedder
from app.adapters.sql import SqlCatalog, SqlKeywordIndex
from app.services.identity import Identity
from app.services.retrieval import Retrieval
from app.services.warming import Warming
from pipelines.domain.chunks import Chunk
from pipelines.domain.filters import EVERYTHING, Filters
from scripts.bench.bench_retrieval import plain_chunks
from tests.contract.samples import chunks, collection, document, set_up
from tests.fakes.embedders import OneEmbedder

DATA = Path(__file__).parents[2] / "../shared/data"
KEY = "key-of-the-bench"
BASE = 2_000  # passages that are embedded
PER_DOCUMENT = 100
TOP = 8
PAPERS = collection("main")
WARM_UP = 30
GROUPS = 10
_BATCH = 5_000


def questions(data: Path) -> list[str]:
    return [
        json.loads(line)["question"]
        for file in sorted(data.glob("*/questions.jsonl"))
        for line in file.read_text("utf-8").splitlines()
    ]


def passages(data: Path, dice: random.Random) -> list[str]:
    filings = [text for _, text in plain_chunks(sorted(data.glob("financebench/*.pdf")))]
    corpora = [
        text[first : first + 800]
        for text in (file.read_text("utf-8") for file in sorted(data.glob("chunking/*.md")))
        for first in range(0, len(text), 800)
    ]
    return dice.sample(filings + corpora, BASE)


class Corpus:
    """Chunks and their vectors, the same for the same size."""

    def __init__(self, size: int, texts: Sequence[str], vectors: np.ndarray[Any, Any]) -> None:
        dice = np.random.default_rng(size)
        left, right = dice.integers(0, len(texts), size), dice.integers(0, len(texts), size)
        self.texts = [f"{texts[a][:400]} {texts[b][400:]}" for a, b in zip(left, right, strict=True)]
        mixed = 0.7 * vectors[left] + 0.3 * vectors[right] + dice.normal(scale=0.01, size=(size, vectors.shape[1]))
        self.vectors = (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float32)

    def __len__(self) -> int:
        return len(self.texts)


async def fill(corpus: Corpus, catalog: SqlCatalog, keywords: SqlKeywordIndex, vectors: ChromaIndex) -> None:
    """As an ingest leaves it, without the jobs."""
    set_up(catalog, PAPERS)
    at = datetime.now(UTC)
    Identity(catalog, lambda: at).install_first_key(KEY)
    rows: list[Chunk] = []
    for number, first in enumerate(range(0, len(corpus), PER_DOCUMENT)):
        of = document(f"doc_{number}", where=PAPERS, title=f"Report {number} of {2000 + number % 25}")
        of = replace(of, metadata={"group": str(number % GROUPS)})
        new = chunks(of.latest, corpus.texts[first : first + PER_DOCUMENT])
        with catalog.begin() as uow:
            uow.documents.add(of)
            uow.chunks.replace(of.latest.id, PAPERS.active_generation.chunker, new)
            uow.documents.activate(of.latest.id, at)
        await keywords.upsert(PAPERS.id, new)
        rows += new
    for first in range(0, len(rows), _BATCH):
        batch = slice(first, first + _BATCH)
        await vectors.upsert(PAPERS.active_generation, rows[batch], corpus.vectors[batch])


def fill_bare(corpus: Corpus, folder: Path) -> Any:
    client = chromadb.PersistentClient(str(folder), settings=ChromaSettings(anonymized_telemetry=False))
    collection = client.get_or_create_collection(
        "texts", configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
    )
    for first in range(collection.count(), len(corpus), _BATCH):
        last = min(first + _BATCH, len(corpus))
        collection.add(
            ids=[str(number) for number in range(first, last)],
            embeddings=corpus.vectors[first:last],
            documents=corpus.texts[first:last],
            metadatas=[{"group": str(number // PER_DOCUMENT % GROUPS)} for number in range(first, last)],
        )
    return collection


async def measured(size: int, folder: Path, asked: Sequence[str], base: tuple[list[str], Any], embedder: Any) -> Any:
    corpus = Corpus(size, *base)
    catalog = SqlCatalog(f"sqlite:///{folder / 'catalog.sqlite3'}")
    new = not (folder / "catalog.sqlite3").exists()
    catalog.open()
    keywords = SqlKeywordIndex(catalog)
    vectors = ChromaIndex(path=folder / "chroma", write_timeout_s=3_600)
    if new:
        await fill(corpus, catalog, keywords, vectors)
    bare_collection = fill_bare(corpus, folder / "bare")
    identity = Identity(catalog, lambda: datetime.now(UTC))
    retrieval = Retrieval(catalog, OneEmbedder(embedder), vectors, keywords)
    began = time.perf_counter()
    await Warming(catalog, vectors).run()  # as at a server's start
    warmed_s = time.perf_counter() - began
    stages: dict[str, list[float]] = {}

    async def ours(question: str, filters: Filters = EVERYTHING) -> None:
        principal = await asyncio.to_thread(identity.principal, KEY)
        found = await retrieval.search(principal, PAPERS.name, question, TOP, filters)
        assert len(found.passages) == TOP, found
        assert not found.degraded
        for stage, took in found.timings_ms.items():
            stages.setdefault(stage, []).append(took)

    async def bare(question: str, where: dict[str, str] | None = None) -> None:
        vector = await embedder.embed_query(question)
        found = bare_collection.query(query_embeddings=np.asarray([vector]), n_results=TOP, where=where)
        assert len(found["documents"][0]) == TOP

    one_group = Filters(metadata=frozenset({("group", frozenset({"3"}))}))
    plain = await _both({"ours": ours, "bare": bare}, asked)
    medians = {stage: round(statistics.median(times), 1) for stage, times in stages.items()}
    filtered = await _both(
        {"ours": lambda each: ours(each, one_group), "bare": lambda each: bare(each, {"group": "3"})}, asked[::6]
    )
    await vectors.close()
    catalog.close()
    return {
        "chunks": size,
        "questions": len(asked),
        "milliseconds": plain,
        "medians_of_stages": medians,
        "vectors_read_s": round(warmed_s, 1),
        "filtered_milliseconds": filtered,
        "load": os.getloadavg()[0],
    }


async def _both(paths: dict[str, Callable[[str], Awaitable[None]]], asked: Sequence[str]) -> dict[str, Any]:
    times: dict[str, list[float]] = {name: [] for name in paths}
    for number, question in enumerate([*asked[:WARM_UP], *asked]):
        for name, path in paths.items():
            began = time.perf_counter()
            await path(question)
            if number >= WARM_UP:
                times[name].append((time.perf_counter() - began) * 1000)
    figures = {name: {"p50": _at(each, 50), "p99": _at(each, 99)} for name, each in times.items()}
    return figures | {"times": {at: round(figures["ours"][at] / figures["bare"][at], 2) for at in ("p50", "p99")}}


def _at(times: Sequence[float], percent: int) -> float:
    return round(float(np.percentile(times, percent)), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--keep", type=Path, help="a folder in which the corpora outlive the run")
    arguments = parser.parse_args()
    asked = questions(arguments.data)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        embedder = MiniLmEmbedder(folder / "models")

        async def run() -> list[Any]:
            texts = passages(arguments.data, random.Random(1))
            kept = folder / "base.npy"
            if not kept.exists():
                folder.mkdir(parents=True, exist_ok=True)
                np.save(kept, await embedder.embed_documents(texts))
            base = texts, np.load(kept)
            found = []
            for size in arguments.sizes:
                (folder / str(size)).mkdir(exist_ok=True)
                found.append(await measured(size, folder / str(size), asked, base, embedder))
            await embedder.close()
            return found

        print(json.dumps(asyncio.run(run()), indent=2))


if __name__ == "__main__":
    main()
