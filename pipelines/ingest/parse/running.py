"""Headers and footers that run. The network that finds regions also takes a letter's only line, a date or a section's
heading for one, so a region is believed to run only when a page nearby carries the same words in the same place, or two pages
most of them: "Statement of income" before "Statement of comprehensive income" is a title.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from pipelines.domain.documents import Block, Box
from pipelines.ingest.parse.mupdf import pymupdf
from pipelines.ingest.parse.words import clean, shape

_NEARBY = (1, -1, 2, -2)  # pages away: left and right pages may have headers of their own
_BAND = 6.0  # points above and below
_ASIDE = 30.0  # points to its left and right: a page's number may get longer
_SHARE = 0.8  # of the words; a section's name may change
_ALIKE = 2  # pages nearby with that share
_UNREADABLE = (RuntimeError, ValueError, pymupdf.mupdf.FzErrorBase)


class RunningText:
    """What stands where on the pages of an open document, read when it is asked for."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self._words = cache(self._read)

    def holds(self, block: Block, *, exactly: bool = False) -> bool:
        """Whether a page nearby has these words at this height: numbers aside, or all of them `exactly`."""
        wanted = set((clean(block.text).lower() if exactly else shape(block.text)).split())
        nearby = [
            self._around(block.page + away, block.box, exactly)
            for away in _NEARBY
            if 1 <= block.page + away <= self._document.page_count
        ]
        if any(wanted == found for found in nearby):
            return True
        return not exactly and sum(len(wanted & found) >= _SHARE * len(wanted) for found in nearby) >= _ALIKE

    def _around(self, number: int, box: Box, exactly: bool) -> set[str]:
        inside = (
            word
            for word, x, y in self._words(number)
            if box.y0 - _BAND <= y <= box.y1 + _BAND and box.x0 - _ASIDE <= x <= box.x1 + _ASIDE
        )
        return {word if exactly else shape(word) for word in inside}

    def _read(self, number: int) -> list[tuple[str, float, float]]:
        """Words of a page with the places of their middles; none of a page that cannot be read."""
        try:
            page = self._document[number - 1]
            page.remove_rotation()  # as the layout analysis does
            found = page.get_text("words")
        except _UNREADABLE:
            return []
        return [(clean(word).lower(), (x0 + x1) / 2, (y0 + y1) / 2) for x0, y0, x1, y1, word, *_ in found]
