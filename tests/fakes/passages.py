"""Passages out of words alone."""

from __future__ import annotations

from pipelines.domain.answers import CatalogedChunk, Passage, Scores
from pipelines.domain.chunks import Chunk, Region
from pipelines.domain.documents import Box


def passage(
    text: str, *, chunk_id: str = "chk_1", headings: tuple[str, ...] = (), start: int = 100, dense: float | None = 0.6
) -> Passage:
    end = start + len(text)
    region = Region(start, end, 3, Box(72, 72, 500, 90))
    chunk = Chunk(chunk_id, "ver_1", "test", 0, text, start, end, headings, (region,), len(text.split()))
    return Passage(CatalogedChunk(chunk, "doc_1", "Handbook", "handbook.pdf"), 0.1, Scores(dense=dense))


def passage_of(chunk: Chunk) -> Passage:
    return Passage(CatalogedChunk(chunk, "doc_1", "Handbook", "handbook.pdf"), 0.1, Scores(dense=0.6))
