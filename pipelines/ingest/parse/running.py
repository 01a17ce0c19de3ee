"""Headers and footers that run. The network that finds regions also takes a letter's only line, a date or a section's
heading for one, so a region is believed to run only when a page nearby carries the same words in the same place.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from pipelines.domain.documents import Block
from pipelines.ingest.parse.mupdf import pymupdf
from pipelines.ingest.parse.words import clean, shape

_NEARBY = (1, -1, 2, -2)  # pages away: left and right pages may have headers of their own
_BAND = 6.0  # points above and below
_SHARE = 0.8  # of the words; a section's name may change
_UNREADABLE = (RuntimeError, ValueError, pymupdf.mupdf.FzErrorBase)


class RunningText:
    """What stands where on the pages of an open document, read when it is asked for."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self._words = cache(self._read)

    def holds(self, block: Block) -> bool:
        """Whether a page nearby has these words at this height, numbers aside."""
        wanted = set(shape(block.text).split())
        return any(
            len(wanted & self._band(block.page + away, block.box.y0, block.box.y1)) >= _SHARE * len(wanted)
            for away in _NEARBY
            if 1 <= block.page + away <= self._document.page_count
        )

    def _band(self, number: int, top: float, bottom: float) -> set[str]:
        return {word for word, y in self._words(number) if top - _BAND <= y <= bottom + _BAND}

    def _read(self, number: int) -> list[tuple[str, float]]:
        """Words of a page with the height of their middle; none of a page that cannot be read."""
        try:
            page = self._document[number - 1]
            page.remove_rotation()  # as the layout analysis does
            found = page.get_text("words")
        except _UNREADABLE:
            return []
        return [(shape(clean(word)), (y0 + y1) / 2) for _, y0, _, y1, word, *_ in found]
