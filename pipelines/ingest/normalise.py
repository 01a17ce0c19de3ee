"""Ranges of pages to one document: running headers and footers out, heading levels ranked, a title found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from pipelines.domain.documents import Block, BlockKind, Page, ParsedDocument
from pipelines.ingest.parse.words import shape

_MARGIN = 0.12  # of a page's height, at its top and at its bottom
_FEWEST_PAGES = 3
_LEAST_SHARE = 0.2  # of all pages: left and right pages may have headers of their own
_DEEPEST_LEVEL = 6


def normalise(parts: Sequence[ParsedDocument]) -> ParsedDocument:
    """The document whose ranges these are, in order."""
    pages = tuple(page for part in parts for page in part.pages)
    blocks = _without_running(pages, [block for part in parts for block in part.blocks])
    ranked = _ranked(blocks)
    title = next((part.title for part in parts if part.title), None)
    return ParsedDocument(pages, tuple(ranked), title or _first_heading(ranked))


def _without_running(pages: Sequence[Page], blocks: Sequence[Block]) -> list[Block]:
    """Drops what stands in the margins of many pages with nothing but its numbers changed."""
    heights = {page.number: page.height for page in pages}
    seen: defaultdict[str, set[int]] = defaultdict(set)
    for block in blocks:
        if _in_margin(block, heights[block.page]):
            seen[shape(block.text)].add(block.page)
    fewest = max(_FEWEST_PAGES, _LEAST_SHARE * len(pages))
    running = {shape for shape, numbers in seen.items() if len(numbers) >= fewest}
    kept = [block for block in blocks if not (_in_margin(block, heights[block.page]) and shape(block.text) in running)]
    return kept or list(blocks)  # a document of nothing else: better than an empty one


def _in_margin(block: Block, height: float) -> bool:
    return block.box.y1 <= _MARGIN * height or block.box.y0 >= (1 - _MARGIN) * height


def _ranked(blocks: Sequence[Block]) -> list[Block]:
    """Prominence to levels: the most prominent heading of the document is level 1."""
    found = sorted({block.level for block in blocks if block.level is not None}, reverse=True)
    levels = {prominence: min(rank, _DEEPEST_LEVEL) for rank, prominence in enumerate(found, 1)}
    return [block if block.level is None else replace(block, level=levels[block.level]) for block in blocks]


def _first_heading(blocks: Sequence[Block]) -> str | None:
    first_page = blocks[0].page if blocks else 0
    headings = [block for block in blocks if block.kind is BlockKind.HEADING and block.page == first_page]
    return min(headings, key=lambda block: block.level or 0).text if headings else None
