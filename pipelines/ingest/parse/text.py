"""Plain text. A form feed begins a new page.

Such files have no paper: a page is as wide as its longest line in characters and as high as its lines, and a box says
which lines: [0, first line, width, line after the last], lines from 0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pipelines.domain.documents import Block, BlockKind, Box, Page, ParsedDocument
from pipelines.domain.errors import UnreadableFile
from pipelines.ingest.parse.characters import decoded
from pipelines.ingest.parse.files import PageRange
from pipelines.ingest.parse.words import join

_LONGEST_WRAPPED = 160  # characters: of a line that ends because it is full
_LIST_MARK = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)])\s+")


def page_count(path: Path) -> int:
    return len(_pages(path))


def parse(path: Path, pages: PageRange) -> ParsedDocument:
    return parse_by(text_blocks, path, pages)


def parse_by(read: Callable[[str, int], Iterator[Block]], path: Path, pages: PageRange) -> ParsedDocument:
    """The pages' blocks; `read` makes them of a page's text and number."""
    found = list(enumerate(_pages(path), 1))[pages.first - 1 : pages.last]
    return ParsedDocument(
        pages=tuple(_page(number, text) for number, text in found),
        blocks=tuple(block for number, text in found for block in read(text, number) if block.text),
    )


def _pages(path: Path) -> list[str]:
    pages = decoded(path.read_bytes()).replace("\r\n", "\n").replace("\r", "\n").split("\f")
    if not any(page.strip() for page in pages):
        raise UnreadableFile("The file holds no text.")
    return pages


def _page(number: int, text: str) -> Page:
    lines = text.split("\n")
    return Page(number, width_of(lines), float(len(lines)))


def width_of(lines: Sequence[str]) -> float:
    return float(max(map(len, lines)))


def box_of(width: float, first: int, end: int) -> Box:
    """Of lines [first, end) of a page of that width."""
    return Box(0.0, float(first), width, float(end))


def paragraphs(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """[first, end) of each paragraph of lines that no empty line parts. A line longer than anyone wraps shows that lines
    here end where paragraphs do."""
    if max(map(len, lines)) <= _LONGEST_WRAPPED:
        yield 0, len(lines)
    else:
        yield from ((number, number + 1) for number in range(len(lines)))


def text_blocks(text: str, page: int) -> Iterator[Block]:
    """Paragraphs between empty lines; a line with a list's mark begins an item."""
    lines = text.split("\n")
    width = width_of(lines)
    first = 0
    for index, line in enumerate([*lines, ""]):
        ends = not line.strip()
        if first < index and (ends or _LIST_MARK.match(line)):
            part = lines[first:index]
            kind = BlockKind.LIST if _LIST_MARK.match(part[0]) else BlockKind.PARAGRAPH
            for start, end in paragraphs(part):
                yield Block(kind, join(part[start:end]), page, box_of(width, first + start, first + end))
            first = index
        if ends:
            first = index + 1
