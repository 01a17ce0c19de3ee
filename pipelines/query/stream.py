"""A model's pieces of text to whole sentences, each with the markers that belong to it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipelines.sentences import sentences

_LEADING_MARKERS = re.compile(r"(?:\s*\[[\d\s,;]*\])+")
_UNFINISHED_MARKER = re.compile(r"\s*\[[\d\s,;]*\Z")


@dataclass(slots=True)
class SentenceBuffer:
    """A sentence comes out once the next has begun: only then is it known that no marker follows it."""

    _text: str = ""

    def add(self, piece: str) -> list[str]:
        self._text += piece
        *whole, last = self._split() or [(0, 0)]
        if not whole or _UNFINISHED_MARKER.fullmatch(self._text, last[0]):
            return []
        found = [self._text[start:end] for start, end in whole]
        self._text = self._text[last[0] :]
        return found

    def rest(self) -> list[str]:
        """What is left when the model has ended, finished or not."""
        found = [self._text[start:end] for start, end in self._split()]
        self._text = ""
        return found

    def _split(self) -> list[tuple[int, int]]:
        """(start, end) of sentences; markers that stand before a sentence belong to the one they follow."""
        found: list[tuple[int, int]] = []
        for start, end in sentences(self._text):
            markers = _LEADING_MARKERS.match(self._text, start, end) if found else None
            if markers:
                found[-1] = (found[-1][0], markers.end())
                start = end - len(self._text[markers.end() : end].lstrip())
            if start < end:
                found.append((start, end))
        return found
