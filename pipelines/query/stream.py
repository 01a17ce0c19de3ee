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
        found = self._split()
        if len(found) < 2 or _UNFINISHED_MARKER.fullmatch(found[-1]):
            return []
        self._text = found[-1]
        return found[:-1]

    def rest(self) -> list[str]:
        """What is left when the model has ended, finished or not."""
        found = self._split()
        self._text = ""
        return found

    def _split(self) -> list[str]:
        """Sentences, with the markers that stand before a sentence given to the one they follow."""
        found: list[str] = []
        for start, end in sentences(self._text):
            sentence = self._text[start:end]
            markers = _LEADING_MARKERS.match(sentence) if found else None
            if markers:
                found[-1] += markers.group()
                sentence = sentence[markers.end() :].lstrip()
            if sentence:
                found.append(sentence)
        trailing = self._text[len(self._text.rstrip()) :]
        if found and trailing:
            found[-1] += trailing
        return found
