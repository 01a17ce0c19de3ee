"""What a model says, sentence by sentence, and the passages it points at. Models write markers in many ways."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.query.units import units

_NUMBERS = r"\^?\d{1,2}(?:\s*(?:[,;&–-]|and|to)\s*\^?\d{1,2})*"
_MARKER = re.compile(
    rf"\s*[\[【]\s*(?:(?:passages?|sources?)\s*)?({_NUMBERS})\s*(?:†[^\]】]*)?(?:[\]】]|(?=[.!?]|\Z))", re.IGNORECASE
)
_LEADING_MARKERS = re.compile(rf"(?:{_MARKER.pattern})+", re.IGNORECASE)
_UNFINISHED_MARKER = re.compile(r"\s*[\[【][^\]】]{0,60}")
_ABUTTING_MARKER = re.compile(r"(?<=[.!?])(?=[\[【])")
_RANGE = re.compile(r"(\d+)\s*(?:[–-]|to)\s*\^?(\d+)")


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence without its markers, and the passages (numbers from 1) that its markers name, in order."""

    text: str
    markers: tuple[int, ...]

    @classmethod
    def of(cls, sentence: str) -> Claim:
        """Reads [1], [2][3], [1, 2], [1-3], [passage 1], 【1†source】, and an unclosed [1 at the end."""
        named = [number for group in _MARKER.findall(sentence) for number in _named(group)]
        bare = re.sub(r"\s+([.,;:!?])", r"\1", _MARKER.sub("", sentence))
        return cls(" ".join(bare.split()), tuple(dict.fromkeys(named)))


def _named(group: str) -> Iterator[int]:
    for first, last in _RANGE.findall(group):
        yield from range(int(first), int(last) + 1)
    yield from (int(number) for number in re.findall(r"\d+", group))


@dataclass(slots=True)
class ClaimBuffer:
    """Pieces of text to claims, the same however the text is cut.

    A claim comes out once the next sentence has begun: only then is it known that no marker follows.
    """

    _text: str = ""
    _released: int = 0  # sentences

    def add(self, piece: str) -> list[Claim]:
        self._text += piece
        *whole, last = self._split() or [""]
        return [] if not whole or _UNFINISHED_MARKER.fullmatch(last) else self._release(whole)

    def rest(self) -> list[Claim]:
        """What is left when the model has ended, finished or not."""
        return self._release(self._split())

    def _release(self, sentences: list[str]) -> list[Claim]:
        new, self._released = sentences[self._released :], len(sentences)
        return [claim for sentence in new if (claim := Claim.of(sentence)).text]

    def _split(self) -> list[str]:
        """All sentences so far; markers that stand before a sentence belong to the one that they follow."""
        text = _ABUTTING_MARKER.sub(" ", self._text)
        found: list[str] = []
        for start, end, _ in units(text):
            sentence = text[start:end]
            if found and (markers := _LEADING_MARKERS.match(sentence)):
                found[-1] += markers.group()
                sentence = sentence[markers.end() :].lstrip()
            if sentence:
                found.append(sentence)
        return found
