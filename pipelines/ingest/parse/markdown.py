"""Markdown (CommonMark with tables). Pages and boxes are those of plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lxml.html.defs import tags
from markdown_it import MarkdownIt
from markdown_it.token import Token

from pipelines.domain.documents import Block, BlockKind, ParsedDocument
from pipelines.ingest.parse.files import PageRange
from pipelines.ingest.parse.text import box_of, page_count, paragraphs, parse_by, width_of
from pipelines.ingest.parse.words import clean, join, markdown_table

__all__ = ["page_count", "parse"]

_LARGEST_HEADING = 6


def parse(path: Path, pages: PageRange) -> ParsedDocument:
    return parse_by(_blocks, path, pages)


def _blocks(text: str, page: int) -> Iterator[Block]:
    lines = text.split("\n")
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    width = width_of(lines)
    in_list = 0
    index = 0
    while index < len(tokens):
        token = tokens[index]
        in_list += {"list_item_open": 1, "list_item_close": -1}.get(token.type, 0)
        first, end = token.map or (0, 0)
        box = box_of(width, first, end)
        if token.type == "heading_open":
            level = _LARGEST_HEADING + 1 - int(token.tag[1])  # as prominence: more is higher
            yield Block(BlockKind.HEADING, _inline(tokens[index + 1]), page, box, level=level)
        elif token.type == "paragraph_open":
            kind = BlockKind.LIST if in_list else BlockKind.PARAGRAPH
            parts = _lines(tokens[index + 1])
            whole = len(parts) != end - first  # a line of code goes over several
            for start, stop in [(0, len(parts))] if whole else paragraphs(lines[first:end]):
                place = box if whole else box_of(width, first + start, first + stop)
                yield Block(kind, join(parts[start:stop]), page, place)
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
    return join(_lines(token))


def _lines(token: Token) -> list[str]:
    """The text of a run of words, without its marks, by lines."""
    parts = []
    for child in token.children or []:
        if child.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif child.type in ("text", "code_inline", "image") or (child.type == "html_inline" and not _is_tag(child)):
            parts.append(child.content)
    return "".join(parts).split("\n")


def _is_tag(token: Token) -> bool:
    """Whether the angle brackets are HTML: "<br>" is, and "<your name>" is what somebody wrote."""
    name = re.match(r"</?([A-Za-z][\w-]*)", token.content)
    return name is None or name.group(1).lower() in tags
