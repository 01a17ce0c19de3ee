"""Blocks of what has no paper: one after the other.

A page (the document, a chapter, a message) is 1 wide and as high as it has blocks, and the n-th block's box is
[0, n, 1, n + 1], n from 0. What tells a person the place is the heading path.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.domain.documents import Block, BlockKind, Box, Page
from pipelines.ingest.parse.words import clean, markdown_table

Cells = tuple[tuple[str, ...], ...]

DOCUMENT_TITLE = 7  # as prominence: over a heading of level 1


class Flow:
    """The blocks of one page, in the order in which they are added. Nothing without words is added."""

    def __init__(self, page: int = 1) -> None:
        self._number = page
        self._blocks: list[Block] = []

    @property
    def page(self) -> Page:
        return Page(self._number, 1.0, float(max(1, len(self._blocks))))

    @property
    def blocks(self) -> tuple[Block, ...]:
        return tuple(self._blocks)

    def add(self, kind: BlockKind, text: str, level: int | None = None) -> None:
        """`level` of a heading: 1 to 6, or 0 for the document's title."""
        words = text.strip("\n").rstrip() if kind is BlockKind.CODE else clean(text)
        prominence = DOCUMENT_TITLE - (level or 0) if kind is BlockKind.HEADING else None
        if words.strip():
            self._append(Block(kind, words, self._number, self._box(), level=prominence))

    def add_table(self, rows: Sequence[Sequence[str]]) -> None:
        """Rows of any width; rows that hold nothing are left out."""
        if cells := even(rows):
            self._append(Block(BlockKind.TABLE, markdown_table(cells), self._number, self._box(), cells=cells))

    def _box(self) -> Box:
        return Box(0.0, float(len(self._blocks)), 1.0, float(len(self._blocks) + 1))

    def _append(self, block: Block) -> None:
        self._blocks.append(block)


def even(rows: Sequence[Sequence[str]]) -> Cells:
    """Rows of equal width, of clean text, without those that hold nothing."""
    cleaned = [tuple(map(clean, row)) for row in rows]
    width = max(map(len, cleaned), default=0)
    return tuple(row + ("",) * (width - len(row)) for row in cleaned if any(row))
