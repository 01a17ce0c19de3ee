"""Ranges of pages to one document: running headers and footers out, tables joined over pages, heading levels ranked, a title
found."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from pipelines.domain.documents import Block, BlockKind, Page, ParsedDocument
from pipelines.ingest.continued import continued
from pipelines.ingest.parse.prominence import ranked
from pipelines.ingest.parse.words import shape

_MARGIN = 0.12  # of a page's height, at its top and at its bottom
_FEWEST_PAGES = 3
_REMARK = re.compile(r"\s*\([^()]*\)\s*", re.DOTALL)
_LEAST_SHARE = 0.2  # of all pages: left and right pages may have headers of their own


def normalise(parts: Sequence[ParsedDocument]) -> ParsedDocument:
    """The document whose ranges these are, in order."""
    pages = tuple(page for part in parts for page in part.pages)
    paper = all(part.paper for part in parts)
    found = [block for part in parts for block in part.blocks]
    blocks = ranked(_without_remarks(continued(_without_running(pages, found)) if paper else found))
    title = next((part.title for part in parts if part.title), None)
    return ParsedDocument(pages, tuple(blocks), title or _first_heading(blocks), paper)


def _without_running(pages: Sequence[Page], blocks: Sequence[Block]) -> list[Block]:
    """Drops what stands in the margins of many pages with nothing but its numbers changed."""
    heights = {page.number: page.height for page in pages}
    seen: defaultdict[str, set[int]] = defaultdict(set)
    for block in blocks:
        if _in_margin(block, heights[block.page]):
            seen[_line(block)].add(block.page)
    fewest = max(_FEWEST_PAGES, _LEAST_SHARE * len(pages))
    running = {line for line, numbers in seen.items() if len(numbers) >= fewest}
    kept = [block for block in blocks if not (_in_margin(block, heights[block.page]) and _line(block) in running)]
    return kept or list(blocks)  # a document of nothing else: better than an empty one


def _without_remarks(blocks: Sequence[Block]) -> list[Block]:
    """A line in brackets, as "(Dollars in millions)", is no heading: it says something of the one above it."""
    return [
        replace(block, kind=BlockKind.PARAGRAPH, level=None)
        if block.kind is BlockKind.HEADING and _REMARK.fullmatch(block.text)
        else block
        for block in blocks
    ]


def _line(block: Block) -> str:
    """What is the same on every page where it runs; "Chapter 1" and "Chapter 2" are headings, "Page 1" and "Page 2" run."""
    return block.text if block.kind is BlockKind.HEADING else shape(block.text)


def _in_margin(block: Block, height: float) -> bool:
    return block.box.y1 <= _MARGIN * height or block.box.y0 >= (1 - _MARGIN) * height


def _first_heading(blocks: Sequence[Block]) -> str | None:
    first_page = blocks[0].page if blocks else 0
    headings = [block for block in blocks if block.kind is BlockKind.HEADING and block.page == first_page]
    return min(headings, key=lambda block: block.level or 0).text if headings else None
