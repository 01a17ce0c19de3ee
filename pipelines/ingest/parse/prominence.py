"""How prominent headings are, and the levels that follow from it over a whole document."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pipelines.domain.documents import Block

if TYPE_CHECKING:
    from pipelines.ingest.parse.page_text import Style

_DEPTH = re.compile(r"(\d{1,3}(?:\.\d{1,3})*)\.?\s+\S")
_DEPTHS = 8  # of numbering that are told apart
_DEEPEST_LEVEL = 6


def prominence(style: Style, text: str) -> int:
    """A heading's size in half points first, then its weight: bold over bold italic over italic, capitals over both; last
    how deep it is numbered, "2" over "2.1"."""
    weight = (2 if style.bold else 0) + (1 if style.bold and not style.italic else 0)
    numbered = _DEPTH.match(text)
    depth = min(numbered[1].count("."), _DEPTHS - 1) if numbered else 0
    return (round(style.size * 2) * 8 + 4 * text.isupper() + weight) * _DEPTHS - depth


def ranked(blocks: Sequence[Block]) -> list[Block]:
    """Prominence to levels: the most prominent heading of the document is level 1. One without a number is as prominent as
    the first of the numbered ones that look like it.
    """
    numbered: dict[int, int] = {}
    for block in blocks:
        if block.level is not None and _DEPTH.match(block.text):
            numbered[_looks(block.level)] = max(block.level, numbered.get(_looks(block.level), block.level))

    def rank(block: Block, level: int) -> int:
        return level if _DEPTH.match(block.text) else numbered.get(_looks(level), level)

    found = sorted({rank(block, block.level) for block in blocks if block.level is not None}, reverse=True)
    levels = {prominence: min(place, _DEEPEST_LEVEL) for place, prominence in enumerate(found, 1)}
    return [
        block if block.level is None else replace(block, level=levels[rank(block, block.level)]) for block in blocks
    ]


def _looks(level: int) -> int:
    """What is the same for headings whose letters look alike."""
    return -(-level // _DEPTHS)
