"""The pieces of passages that can stand for themselves: sentences, items of lists, and rows of tables under their header."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipelines.domain.answers import Passage
from pipelines.query.terms import Clause, clauses, figures, measures, stems
from pipelines.query.units import units

_RULE = re.compile(r"\|(?:\s*:?-{3,}:?\s*\|)+")
_FEWEST_WORDS = 4
_LONGEST = 600


@dataclass(frozen=True, slots=True)
class Evidence:
    """A piece of a passage: `passage.source.chunk.text[start:end]` is its quote, `text` how it reads on its own."""

    passage: Passage
    rank: int  # of the passage, from 0
    start: int  # in the chunk's text
    end: int
    text: str
    whole: bool  # a sentence, an item or a row, rather than a heading or a fragment
    words: frozenset[str]  # stems
    called: frozenset[str]  # stems of what it is called: a row's first cell; the same as its words elsewhere
    figures: frozenset[str]
    measures: frozenset[tuple[str, str]]
    clauses: tuple[Clause, ...]

    @property
    def quote(self) -> str:
        return self.passage.source.chunk.text[self.start : self.end]

    @property
    def heading(self) -> str:
        """What it stands under."""
        return " ".join((self.passage.source.title, *self.passage.source.chunk.heading_path))


def pieces(passages: Sequence[Passage]) -> list[Evidence]:
    """All pieces of all passages, in order."""
    return [piece for rank, passage in enumerate(passages) for piece in _of(passage, rank)]


def _of(passage: Passage, rank: int) -> Iterator[Evidence]:
    text = passage.source.chunk.text
    header: list[str] | None = None
    prose_from, at = 0, 0
    for line in text.splitlines(keepends=True):
        start, at = at, at + len(line)
        row = line.strip()
        if not (row.startswith("|") and row.endswith("|") and len(row) > 1):
            header = None
            continue
        yield from _prose(passage, rank, prose_from, start)
        prose_from = at
        cells = _cells(row)
        if header is None:
            header = _columns(passage, len(cells))
            if header is None:
                header = cells
                continue
        if not _RULE.fullmatch(row):
            first = start + line.index("|")
            whole = sum(map(bool, cells)) > 1
            said = _sentence_of(header, cells)
            yield _piece(passage, rank, first, first + len(row), said, whole=whole, called=cells[0])
    yield from _prose(passage, rank, prose_from, len(text))


def _prose(passage: Passage, rank: int, first: int, end: int) -> Iterator[Evidence]:
    text = passage.source.chunk.text
    for unit in units(text[first:end]):
        start, stop = first + unit.start, first + unit.end
        said = " ".join(text[start:stop].split())
        finished = unit.item or said[-1:] in ".!?…”\"')"
        whole = finished and len(said.split()) >= _FEWEST_WORDS and len(said) <= _LONGEST
        yield _piece(passage, rank, start, stop, said, whole=whole)


def _piece(passage: Passage, rank: int, start: int, end: int, text: str, *, whole: bool, called: str = "") -> Evidence:
    own = stems(text)
    facts = own, stems(called) if called else own, figures(text), measures(text), clauses(text)
    return Evidence(passage, rank, start, end, text, whole, *facts)


def _columns(passage: Passage, width: int) -> list[str] | None:
    """The header of a table whose beginning is in another chunk: the chunker keeps it as the last of the headings."""
    path = passage.source.chunk.heading_path
    columns = _cells(path[-1]) if path and "|" in path[-1] else []
    return columns if len(columns) == width else None


def _cells(row: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))]


def _sentence_of(header: Sequence[str], cells: Sequence[str]) -> str:
    """A row in words: "Annual leave: Days a year 28; Notice 2 weeks."."""
    named = [f"{name} {cell}".strip() for name, cell in zip(header[1:], cells[1:], strict=False) if cell]
    return f"{cells[0]}: {'; '.join(named)}." if cells[0] else f"{'; '.join(named)}."
