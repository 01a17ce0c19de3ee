#!/usr/bin/env python
"""How many of the pages that answer a question are among the first passages found. JSON out.

    scripts/bench/bench_retrieval.py [--data ../shared/data/financebench] [--keep FOLDER] [--parts]

All documents in one index, no filter, in one run: the plain recipe (page text cut at line ends to 800 characters,
all-MiniLM-L6-v2, bm25s, reciprocal rank fusion), dense, by keywords and fused; and a Cairn server that took the same files in
and is asked over HTTP. The folder holds PDFs and questions.jsonl (question, evidence: document, page from 1). Recall is the mean
share of a question's pages that its first k passages show; beside it, 95% of 2,000 bootstrap samples of documents.
Then the same of questions on figures of annual reports, by statement_questions.py; both sets were used to choose weights.
--keep FOLDER: embeds and takes in once, and asks again at the next run. --parts: also without each part of ours.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import bm25s
import numpy as np
import pymupdf

sys.path.insert(0, str(Path(__file__).parents[2]))

from app.adapters.chroma import ChromaIndex
from app.adapters.minilm import MiniLmEmbedder
from app.adapters.sql import SqlCatalog, SqlKeywordIndex
from app.services.identity import FIRST_TENANT
from app.services.library import Library, Shelf
from app.services.retrieval import Retrieval
from pipelines.domain.access import Principal, Role
from pipelines.domain.errors import IndexUnavailable
from pipelines.domain.filters import Filters
from pipelines.ports import Hit
from pipelines.query.glossary import Glossary
from pipelines.query.naming import Names
from scripts.bench.statement_questions import questions as statement_questions
from tests.e2e.server import Server, finished, upload
from tests.fakes.embedders import OneEmbedder

DATA = Path(__file__).parents[2] / "../shared/data/financebench"
CHARACTERS = 800
DEPTH, RRF_K = 100, 60
AT = (5, 10, 20)
ADMIN = Principal(FIRST_TENANT, "admin", roles=frozenset({Role.TENANT_ADMIN}))
Page = tuple[str, int]  # file name, page from 1
Ranking = list[list[Page]]  # the pages of each passage, best first


@dataclass(frozen=True)
class Question:
    text: str
    pages: frozenset[Page]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Question:
        return cls(row["question"], frozenset((each["document"], each["page"]) for each in row["evidence"]))


def plain_chunks(files: Sequence[Path]) -> list[tuple[Page, str]]:
    found: list[tuple[Page, str]] = []
    for file in files:
        with pymupdf.open(file) as pdf:
            for number, page in enumerate(pdf, 1):
                found += [((file.name, number), text) for text in _cut(page.get_text()) if text.strip()]
    return found


def _cut(text: str) -> list[str]:
    cuts = [""]
    for line in text.splitlines(keepends=True):
        if cuts[-1] and len(cuts[-1]) + len(line) > CHARACTERS:
            cuts.append("")
        cuts[-1] += line
    return cuts


class Plain:
    """The recipe of an afternoon."""

    def __init__(self, files: Sequence[Path], folder: Path) -> None:
        self._embedder = MiniLmEmbedder(folder / "models")
        chunks = plain_chunks(files)
        self._pages = [page for page, _ in chunks]
        texts = [text for _, text in chunks]
        kept = folder / "plain.npy"
        if not kept.exists():
            np.save(kept, asyncio.run(self._embedder.embed_documents(texts)))
        self._vectors = np.load(kept)
        self._keywords = bm25s.BM25()
        self._keywords.index(bm25s.tokenize(texts, show_progress=False), show_progress=False)

    def __len__(self) -> int:
        return len(self._pages)

    def dense(self, question: str) -> Ranking:
        return self._shown(self._dense(question))

    def keyword(self, question: str) -> Ranking:
        return self._shown(self._keyword(question))

    def fused(self, question: str) -> Ranking:
        scores: dict[int, float] = {}
        for ranking in (self._dense(question), self._keyword(question)):
            for rank, index in enumerate(ranking, 1):
                scores[index] = scores.get(index, 0.0) + 1 / (RRF_K + rank)
        return self._shown(sorted(scores, key=lambda index: -scores[index]))

    def _dense(self, question: str) -> list[int]:
        vector = asyncio.run(self._embedder.embed_query(question))
        return [int(index) for index in np.argsort(-(self._vectors @ vector))[:DEPTH]]

    def _keyword(self, question: str) -> list[int]:
        tokens = bm25s.tokenize([question], show_progress=False)
        found, _ = self._keywords.retrieve(tokens, k=DEPTH, show_progress=False)
        return [int(index) for index in found[0]]

    def _shown(self, indexes: Sequence[int]) -> Ranking:
        return [[self._pages[index]] for index in indexes]


class Cairn:
    """A server of its own; `folder` outlives it."""

    def __init__(self, files: Sequence[Path], folder: Path) -> None:
        self._server = Server(folder / "server", {"CAIRN_LOG_LEVEL": "warning"}).start()
        try:
            with self._server.client() as client:
                for job in [upload(client, file)["job_id"] for file in files]:
                    finished(client, job)
        except BaseException:
            self._server.stop()
            raise
        self._client = self._server.client()

    def search(self, question: str) -> Ranking:
        response = self._client.post("/v1/search", json={"query": question, "top_k": max(AT)}).raise_for_status()
        return [
            [(each["filename"], page) for page in range(each["page_start"], each["page_end"] + 1)]
            for each in response.json()["passages"]
        ]

    def close(self) -> None:
        self._client.close()
        self._server.stop()


class Unnamed(Library):
    """Whose documents have no names."""

    def shelf(self, principal: Principal, name: str, filters: Filters) -> Shelf:
        return replace(super().shelf(principal, name, filters), names=Names({}, 0))


class Absent:
    """An index that does not answer."""

    async def query(self, *_: object) -> list[Hit]:
        raise IndexUnavailable


def without(folder: Path, questions: Sequence[Question]) -> dict[str, Any]:
    """Ours without each of its parts, in this process, on what the server took in."""
    catalog = SqlCatalog(f"sqlite:///{folder / 'server' / 'catalog.sqlite3'}")
    catalog.open()
    vectors, keywords = ChromaIndex(path=folder / "server" / "chroma"), SqlKeywordIndex(catalog)
    embedders = OneEmbedder(MiniLmEmbedder(folder / "models"))
    unnamed, nothing, absent = Unnamed(catalog), Glossary({}), cast(Any, Absent())
    parts = {
        "everything": Retrieval(catalog, embedders, vectors, keywords),
        "without names": Retrieval(catalog, embedders, vectors, keywords, library=unnamed),
        "without glossary": Retrieval(catalog, embedders, vectors, keywords, glossary=nothing),
        "without both": Retrieval(catalog, embedders, vectors, keywords, library=unnamed, glossary=nothing),
        "without words": Retrieval(catalog, embedders, vectors, absent),
        "without vectors": Retrieval(catalog, embedders, absent, keywords),
        "vectors alone": Retrieval(catalog, embedders, vectors, absent, library=unnamed, glossary=nothing),
        "words alone": Retrieval(catalog, embedders, absent, keywords, library=unnamed, glossary=nothing),
    }

    async def ask() -> dict[str, Any]:
        found = {}
        for name, retrieval in parts.items():
            rankings = [
                [
                    [
                        (each.source.filename, page)
                        for page in range(each.source.chunk.page_start, each.source.chunk.page_end + 1)
                    ]
                    for each in (await retrieval.search(ADMIN, "default", question.text, max(AT))).passages
                ]
                for question in questions
            ]
            shown = dict(zip((question.text for question in questions), rankings, strict=True))
            found[name] = measured(shown.__getitem__, questions)
        await vectors.close()
        return found

    found = asyncio.run(ask())
    catalog.close()
    return found


def measured(search: Callable[[str], Ranking], questions: Sequence[Question]) -> dict[str, Any]:
    """Recall at each depth, with its interval; MRR at the greatest."""
    rankings = [search(question.text) for question in questions]
    figures: dict[str, Any] = {}
    for k in AT:
        recalls = [_recall(ranking[:k], question.pages) for ranking, question in zip(rankings, questions, strict=True)]
        figures[f"recall@{k}"] = round(float(np.mean(recalls)), 3)
        figures[f"interval@{k}"] = _interval(recalls, questions)
    ranks = [_reciprocal_rank(ranking, question.pages) for ranking, question in zip(rankings, questions, strict=True)]
    return figures | {f"mrr@{max(AT)}": round(float(np.mean(ranks)), 3)}


def _recall(ranking: Ranking, pages: frozenset[Page]) -> float:
    return len({page for shown in ranking for page in shown} & pages) / len(pages)


def _reciprocal_rank(ranking: Ranking, pages: frozenset[Page]) -> float:
    return next((1 / rank for rank, shown in enumerate(ranking[: max(AT)], 1) if pages & set(shown)), 0.0)


def _interval(recalls: Sequence[float], questions: Sequence[Question]) -> list[float]:
    """Drawn by document: questions about one document are not independent."""
    groups: dict[str, list[float]] = {}
    for recall, question in zip(recalls, questions, strict=True):
        groups.setdefault(min(question.pages)[0], []).append(recall)
    rows = list(groups.values())
    dice = np.random.default_rng(1)
    means = [
        np.mean(np.concatenate([rows[index] for index in dice.integers(0, len(rows), len(rows))])) for _ in range(2_000)
    ]
    return [round(float(bound), 3) for bound in np.percentile(means, [2.5, 97.5])]


def _times_the_best_plain(methods: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    names = [f"recall@{k}" for k in AT]
    best = {name: max(found[name] for method, found in methods.items() if method != "Cairn") for name in names}
    return {name: round(methods["Cairn"][name] / best[name], 2) for name in names if best[name]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--keep", type=Path, help="a folder in which what was embedded and taken in outlives the run")
    parser.add_argument("--parts", action="store_true", help="also without each part of ours")
    arguments = parser.parse_args()
    files = sorted(arguments.data.glob("*.pdf"))
    lines = (arguments.data / "questions.jsonl").read_text("utf-8").splitlines()
    asked = [Question.of(json.loads(line)) for line in lines]
    made = [Question.of(row) for row in statement_questions(files)]
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        cairn = Cairn(files, folder)
        try:
            ours = [measured(cairn.search, questions) for questions in (asked, made)]
        finally:
            cairn.close()
        parts = without(folder, asked) if arguments.parts else {}
        plain = Plain(files, folder)
        methods = [
            {
                "plain, dense": measured(plain.dense, questions),
                "plain, keywords": measured(plain.keyword, questions),
                "plain, fused": measured(plain.fused, questions),
                "Cairn": own,
            }
            for questions, own in zip((asked, made), ours, strict=True)
        ]
    report = {
        "documents": len(files),
        "plain_chunks": len(plain),
        "questions": len(asked),
        "methods": methods[0],
        "times_the_best_plain": _times_the_best_plain(methods[0]),
        "statement_questions": len(made),
        "statement_methods": methods[1],
        "statement_times_the_best_plain": _times_the_best_plain(methods[1]),
        "parts": parts,
        "load": os.getloadavg()[0],
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
