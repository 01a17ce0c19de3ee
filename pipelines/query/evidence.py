"""The pieces of passages that can stand for themselves: sentences, and rows of tables under their header."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipelines.domain.answers import Passage
from pipelines.sentences import sentences

_RULE = re.compile(r"\|(?:\s*:?-{3,}:?\s*\|)+")
_FEWEST_WORDS = 4
_LONGEST = 600
_MARKER = re.compile(r"^(?:[•\-*▪◦–]|\(?[a-z0-9]{1,2}[.)])\s*")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A piece of a passage: `passage.source.chunk.text[start:end]` is its quote, `text` how it reads on its own."""

    passage: Passage
    rank: int  # of the passage, from 0
    start: int  # in the chunk's text
    end: int
    text: str
    whole: bool  # a sentence or a row, rather than a heading or a fragment

    @property
    def quote(self) -> str:
        return self.passage.source.chunk.text[self.start : self.end]


def pieces(passages: Sequence[Passage]) -> list[Evidence]:
    """All pieces of all passages, in order."""
    return [piece for rank, passage in enumerate(passages) for piece in _of(passage, rank)]


def _of(passage: Passage, rank: int) -> Iterator[Evidence]:
    text = passage.source.chunk.text
    at = 0
    header: list[str] | None = None
    prose_from: int | None = None
    for line in text.splitlines(keepends=True):
        start, at = at, at + len(line)
        bare = line.strip()
        is_row = bare.startswith("|") and bare.endswith("|") and len(bare) > 1
        if not is_row:
            header = None
            prose_from = start if prose_from is None else prose_from
            continue
        if prose_from is not None:
            yield from _sentences(passage, rank, prose_from, start)
            prose_from = None
        cells = _cells(bare)
        if header is None:
            header = _columns(passage, bare) or cells
            if header == cells:
                continue
        if not _RULE.fullmatch(bare):
            first = start + line.index("|")
            yield Evidence(
                passage, rank, first, first + len(bare), _row(header, cells), whole=sum(map(bool, cells)) > 1
            )
    if prose_from is not None:
        yield from _sentences(passage, rank, prose_from, len(text))


def _sentences(passage: Passage, rank: int, first: int, end: int) -> Iterator[Evidence]:
    text = passage.source.chunk.text
    for start, stop in sentences(text[first:end]):
        words = " ".join(_MARKER.sub("", text[first + start : first + stop]).split())
        finished = words[-1:] in ".!?…”\"')" and len(words.split()) >= _FEWEST_WORDS
        yield Evidence(passage, rank, first + start, first + stop, words, whole=finished and len(words) <= _LONGEST)


def _columns(passage: Passage, row: str) -> list[str] | None:
    """The header of a table whose beginning is in another chunk: the chunker keeps it as the last of the headings."""
    path = passage.source.chunk.heading_path
    width = len(_cells(row))
    columns = _cells(path[-1]) if path and "|" in path[-1] else []
    return columns if len(columns) == width else None


def _cells(row: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))]


def _row(header: Sequence[str], cells: Sequence[str]) -> str:
    """A row in words: "Annual leave: Days a year 28; Notice 2 weeks."."""
    named = [f"{name} {cell}".strip() for name, cell in zip(header[1:], cells[1:], strict=False) if cell]
    return f"{cells[0]}: {'; '.join(named)}." if cells[0] else f"{'; '.join(named)}."
