#!/usr/bin/env python
"""How much of the words that answer a question is in the five chunks nearest to it, and how much else. JSON out.

    scripts/bench/bench_chunking.py [--data ../shared/data/chunking] [--top 5] [--markdown]

Recall, precision and intersection over union in characters, as in "Evaluating Chunking Strategies for Retrieval" (Smith and
Troynikov, 2024), with the built-in embedder: our chunkers beside LlamaIndex's SentenceSplitter and SemanticSplitter and plain
recursive splitting, in one run. The folder holds questions.jsonl and a text file for each corpus it names. A split's text is
found in the corpus by its words, so white space and marks that a reader drops do not matter.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from app.adapters.minilm import MiniLmEmbedder
from pipelines.ingest import parse
from pipelines.ingest.chunk import CHUNKERS, chunk
from pipelines.ingest.normalise import normalise
from pipelines.llama_index_import import import_llama_index
from pipelines.ports import TokenCounter, Vectors
from pipelines.sentences import sentences

import_llama_index()
from llama_index.core.base.embeddings.base import BaseEmbedding  # noqa: E402
from llama_index.core.node_parser import NodeParser, SemanticSplitterNodeParser, SentenceSplitter  # noqa: E402
from llama_index.core.schema import Document  # noqa: E402

DATA = Path(__file__).parents[2] / "../shared/data/chunking"
Span = tuple[int, int]
_WORD = re.compile(r"(?:(?<!\S)[^\w\s]+)?(\w+)(?:[^\w\s]+(?!\S))?")  # and the marks that hang on it
_AHEAD = 20  # words that a reader may have dropped in a row


@dataclass(frozen=True)
class Split:
    """A chunk: characters of the corpus, and what is embedded for it."""

    span: Span
    read: str


Splitter = Callable[[Path, str], list[Split]]


class Corpus:
    """A text whose pieces are found again by their words, in order; a reader may have dropped marks and words of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        found = list(_WORD.finditer(path.read_text("utf-8")))
        self._places = [match.span() for match in found]
        self._words = [match[1] for match in found]

    def spans(self, texts: Sequence[str]) -> list[Span]:
        """Where each text stands; each begins after the last one began."""
        found: list[Span] = []
        after = 0
        for text in texts:
            words = _WORD.findall(text)
            first = self._begin(words, after)
            last = first
            for word in words[1:]:
                last = self._next(word, last + 1) or last
            found.append((self._places[first][0], self._places[last][1]))
            after = first + 1
        return found

    def _begin(self, words: list[str], after: int) -> int:
        for length in (len(words), 40, 12, 6, 3, 1):
            wanted = words[:length]
            for at in range(after, len(self._words)):
                if self._words[at : at + length] == wanted:
                    return at
        raise ValueError(f"not in {self.path.name}, or out of order: {' '.join(words[:12])}")

    def _next(self, word: str, at: int) -> int | None:
        ahead = self._words[at : at + _AHEAD]
        return at + ahead.index(word) if word in ahead else None


class Embeddings(BaseEmbedding):
    """The built-in embedder as LlamaIndex's."""

    embedder: Any

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embeddings([query])[0]

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = asyncio.run(self.embedder.embed_documents(texts)).tolist()
        return vectors

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


def ours(name: str, count_tokens: TokenCounter, media_type: str) -> Splitter:
    def split(path: Path, corpus: str) -> list[Split]:
        pages = parse.probe(path, media_type)
        document = normalise([parse.parse_range(path, media_type, parse.PageRange(1, pages))])
        chunks = [
            each
            for each in chunk(document, version_id=corpus, chunker=name, count_tokens=count_tokens)
            if any(map(str.isalnum, each.text))
        ]
        spans = Corpus(path).spans([each.text for each in chunks])
        return [Split(span, each.embedding_text("")) for span, each in zip(spans, chunks, strict=True)]

    return split


def theirs(parser: NodeParser) -> Splitter:
    def split(path: Path, corpus: str) -> list[Split]:
        nodes = parser.get_nodes_from_documents([Document(id_=corpus, text=path.read_text("utf-8"))])
        texts = [node.get_content() for node in nodes if any(map(str.isalnum, node.get_content()))]
        return [Split(span, text) for span, text in zip(Corpus(path).spans(texts), texts, strict=True)]

    return split


def recursive(tokens: int, count_tokens: TokenCounter) -> Splitter:
    """Paragraphs, then lines, sentences, words: the first separator whose parts fit, merged again up to the size."""

    def cut(text: str, separators: Sequence[str]) -> list[str]:
        if count_tokens([text])[0] <= tokens or not separators:
            return [text]
        parts = [part for part in text.split(separators[0]) if part.strip()]
        cuts = [each for part in parts for each in cut(part, separators[1:])]
        merged: list[str] = []
        sizes = count_tokens(cuts)
        size = 0
        for part, own in zip(cuts, sizes, strict=True):
            if merged and size + own <= tokens:
                merged[-1] += separators[0] + part
                size += own
            else:
                merged.append(part)
                size = own
        return merged

    def split(path: Path, _: str) -> list[Split]:
        texts = cut(path.read_text("utf-8"), ["\n\n", "\n", ". ", " "])
        texts = [text for text in texts if any(map(str.isalnum, text))]
        return [Split(span, text) for span, text in zip(Corpus(path).spans(texts), texts, strict=True)]

    return split


def measured(
    splitter: Splitter, questions: Sequence[dict[str, Any]], data: Path, embedder: MiniLmEmbedder, top: int
) -> dict[str, float]:
    chunk_s = embed_s = 0.0
    chunks = 0
    figures: list[tuple[float, float, float]] = []
    for corpus in dict.fromkeys(question["corpus"] for question in questions):
        began = time.perf_counter()
        splits = splitter(next(data.glob(f"{corpus}.*")), corpus)
        chunk_s += time.perf_counter() - began
        began = time.perf_counter()
        vectors = asyncio.run(embedder.embed_documents([split.read for split in splits]))
        embed_s += time.perf_counter() - began
        chunks += len(splits)
        asked = [question for question in questions if question["corpus"] == corpus]
        figures += [_score(question, splits, vectors, embedder, top) for question in asked]
    recall, precision, iou = np.mean(figures, axis=0)
    return {
        "chunks": chunks,
        "recall": round(float(recall), 4),
        "precision": round(float(precision), 4),
        "iou": round(float(iou), 4),
        "chunk_s": round(chunk_s, 1),
        "embed_s": round(embed_s, 1),
    }


def _score(
    question: dict[str, Any], splits: Sequence[Split], vectors: Vectors, embedder: MiniLmEmbedder, top: int
) -> tuple[float, float, float]:
    asked = asyncio.run(embedder.embed_documents([question["question"]]))[0]
    nearest = np.argsort(-(vectors @ asked))[:top]
    found = [set(range(*splits[number].span)) for number in nearest]
    retrieved = sum(map(len, found))  # what overlaps is read twice
    wanted = {place for each in question["references"] for place in range(each["start_index"], each["end_index"])}
    shared = len(set().union(*found) & wanted)
    return shared / len(wanted), shared / retrieved, shared / (retrieved + len(wanted) - shared)


def _sentences(text: str) -> list[str]:
    """Ours, with the white space after each: LlamaIndex's own sentence splitter would be fetched."""
    starts = [start for start, _ in sentences(text)]
    return [text[start:end] for start, end in zip([0, *starts[1:]], [*starts[1:], len(text)], strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--top", type=int, default=5)
    parser.add_argument("--markdown", action="store_true", help="read corpora as Markdown; else as their names say")
    parser.add_argument(
        "--without-semantic", action="store_true", help="leave LlamaIndex's SemanticSplitter out: it is slow"
    )
    arguments = parser.parse_args()
    questions = [json.loads(line) for line in (arguments.data / "questions.jsonl").read_text("utf-8").splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        embedder = MiniLmEmbedder(Path(folder))
        count = embedder.token_counter()
        corpora = {question["corpus"] for question in questions}
        markdown = arguments.markdown or all((arguments.data / f"{each}.md").exists() for each in corpora)
        kind = parse.MARKDOWN if markdown else parse.TEXT

        def tokenizer(text: str) -> range:
            return range(count([text])[0])

        def sentence_splitter(size: int, overlap: int = 0) -> Splitter:
            return theirs(
                SentenceSplitter(
                    chunk_size=size, chunk_overlap=overlap, tokenizer=tokenizer, chunking_tokenizer_fn=_sentences
                )
            )

        candidates: dict[str, Splitter] = {
            "recursive 200": recursive(200, count),
            "recursive 400": recursive(400, count),
            "LlamaIndex SentenceSplitter 200/0": sentence_splitter(200),
            "LlamaIndex SentenceSplitter 250/125": sentence_splitter(250, 125),
            "LlamaIndex SentenceSplitter 400/0": sentence_splitter(400),
        }
        if not arguments.without_semantic:
            candidates["LlamaIndex SemanticSplitter 95"] = theirs(
                SemanticSplitterNodeParser(
                    embed_model=Embeddings(embedder=embedder),
                    breakpoint_percentile_threshold=95,
                    sentence_splitter=_sentences,
                )
            )
        candidates |= {f"Cairn {name}": ours(name, count, kind) for name in CHUNKERS}
        table = {}
        for name, splitter in candidates.items():
            table[name] = measured(splitter, questions, arguments.data, embedder, arguments.top)
            print(f"{name}: {table[name]}", file=sys.stderr)
    print(
        json.dumps(
            {"questions": len(questions), "top": arguments.top, "splitters": table, "load": os.getloadavg()[0]},
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
