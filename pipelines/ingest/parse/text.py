"""Plain text and Markdown (CommonMark with tables). A form feed begins a new page.

Such files have no paper: a page is as wide as its longest line in characters and as high as its lines, and a box says
which lines: [0, first line, width, line after the last], lines from 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.domain.documents import Block, BlockKind, Box, Page, ParsedDocument
from pipelines.domain.errors import UnreadableFile
from pipelines.ingest.parse.files import PageRange
from pipelines.ingest.parse.words import clean, join, markdown_table

if TYPE_CHECKING:
    from markdown_it.token import Token

_LARGEST_HEADING = 6
_LIST_MARK = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)])\s+")


def page_count(path: Path) -> int:
    return len(_pages(path))


def parse(path: Path, pages: PageRange, *, markdown: bool) -> ParsedDocument:
    found = list(enumerate(_pages(path), 1))[pages.first - 1 : pages.last]
    read = _markdown_blocks if markdown else _text_blocks
    return ParsedDocument(
        pages=tuple(_page(number, text) for number, text in found),
        blocks=tuple(block for number, text in found for block in read(text, number) if block.text),
    )


def _pages(path: Path) -> list[str]:
    pages = _decoded(path.read_bytes()).replace("\r\n", "\n").replace("\r", "\n").split("\f")
    if not any(page.strip() for page in pages):
        raise UnreadableFile("The file holds no text.")
    return pages


def _decoded(data: bytes) -> str:
    encodings = ("utf-16",) if data.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig", "cp1252", "latin-1")
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnreadableFile("The file's characters are in an encoding that is not known here.")


def _page(number: int, text: str) -> Page:
    lines = text.split("\n")
    return Page(number, float(max(map(len, lines))), float(len(lines)))


def _box(lines: list[str], first: int, end: int) -> Box:
    return Box(0.0, float(first), float(max(map(len, lines))), float(end))


def _text_blocks(text: str, page: int) -> Iterator[Block]:
    """Paragraphs between empty lines; a line with a list's mark begins an item."""
    lines = text.split("\n")
    first = 0
    for index, line in enumerate([*lines, ""]):
        ends = not line.strip()
        if first < index and (ends or _LIST_MARK.match(line)):
            part = lines[first:index]
            kind = BlockKind.LIST if _LIST_MARK.match(part[0]) else BlockKind.PARAGRAPH
            yield Block(kind, join(part), page, _box(lines, first, index))
            first = index
        if ends:
            first = index + 1


def _markdown_blocks(text: str, page: int) -> Iterator[Block]:
    from markdown_it import MarkdownIt

    lines = text.split("\n")
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    in_list = 0
    index = 0
    while index < len(tokens):
        token = tokens[index]
        in_list += {"list_item_open": 1, "list_item_close": -1}.get(token.type, 0)
        first, end = token.map or (0, 0)
        box = _box(lines, first, end)
        if token.type == "heading_open":
            level = _LARGEST_HEADING + 1 - int(token.tag[1])  # as prominence: more is higher
            yield Block(BlockKind.HEADING, _inline(tokens[index + 1]), page, box, level=level)
        elif token.type == "paragraph_open":
            kind = BlockKind.LIST if in_list else BlockKind.PARAGRAPH
            yield Block(kind, _inline(tokens[index + 1]), page, box)
        elif token.type in ("fence", "code_block"):
            yield Block(BlockKind.CODE, token.content.rstrip("\n"), page, box)
        elif token.type == "table_open":
            stop = next(at for at in range(index, len(tokens)) if tokens[at].type == "table_close")
            cells = tuple(_rows(tokens[index:stop]))
            yield Block(BlockKind.TABLE, markdown_table(cells), page, box, cells=cells)
            index = stop
        elif token.type == "html_block":
            yield Block(BlockKind.PARAGRAPH, clean(re.sub(r"<[^>]*>", " ", token.content)), page, box)
        index += 1


def _rows(tokens: list[Token]) -> Iterator[tuple[str, ...]]:
    row: list[str] = []
    for token in tokens:
        if token.type == "inline":
            row.append(_inline(token))
        elif token.type == "tr_close":
            yield tuple(row)
            row = []


def _inline(token: Token) -> str:
    """The text of a run of words, without its marks."""
    parts = []
    for child in token.children or []:
        if child.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif child.type in ("text", "code_inline", "image"):
            parts.append(child.content)
    return join("".join(parts).split("\n"))
