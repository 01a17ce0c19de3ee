"""What a model says, sentence by sentence, and the passages it points at. Models write markers in many ways."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.query.units import units

_NUMBERS = r"\^?\d{1,2}(?:\s*(?:[,;&–-]|and|to)\s*\^?\d{1,2})*"
_MARKER = re.compile(rf"\s*[\[【]\s*(?:(?:passages?|sources?)\s*)?({_NUMBERS})\s*(?:†[^\]】]*)?[\]】]", re.IGNORECASE)
_LEADING_MARKERS = re.compile(rf"(?:{_MARKER.pattern})+", re.IGNORECASE)
_UNFINISHED_MARKER = re.compile(r"\s*[\[【][^\]】]{0,24}")
_ABUTTING_MARKER = re.compile(r"(?<=[.!?])(?=[\[【])")
_RANGE = re.compile(r"(\d+)\s*(?:[–-]|to)\s*\^?(\d+)")


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence without its markers, and the passages (numbers from 1) that its markers name, in order."""

    text: str
    markers: tuple[int, ...]

    @classmethod
    def of(cls, sentence: str) -> Claim:
        """Reads [1], [2][3], [1, 2], [1-3], [passage 1], 【1†source】."""
        named = [number for group in _MARKER.findall(sentence) for number in _named(group)]
        bare = re.sub(r"\s+([.,;:!?])", r"\1", _MARKER.sub("", sentence))
        return cls(" ".join(bare.split()), tuple(dict.fromkeys(named)))


def _named(group: str) -> Iterator[int]:
    for first, last in _RANGE.findall(group):
        yield from range(int(first), int(last) + 1)
    yield from (int(number) for number in re.findall(r"\d+", group))


@dataclass(slots=True)
class ClaimBuffer:
    """Pieces of text to claims. One comes out once the next has begun: only then is it known that no marker follows."""

    _text: str = ""

    def add(self, piece: str) -> list[Claim]:
        self._text += piece
        found = self._split()
        if len(found) < 2 or _UNFINISHED_MARKER.fullmatch(found[-1]):
            return []
        self._text = found[-1]
        return _claims(found[:-1])

    def rest(self) -> list[Claim]:
        """What is left when the model has ended, finished or not."""
        found, self._text = self._split(), ""
        return _claims(found)

    def _split(self) -> list[str]:
        """Sentences; markers that stand before a sentence belong to the one that they follow."""
        text = _ABUTTING_MARKER.sub(" ", self._text)
        found: list[str] = []
        for start, end, _ in units(text):
            sentence = text[start:end]
            markers = _LEADING_MARKERS.match(sentence) if found else None
            if markers:
                found[-1] += markers.group()
                sentence = sentence[markers.end() :].lstrip()
            if sentence:
                found.append(sentence)
        trailing = text[len(text.rstrip()) :]
        if found and trailing:
            found[-1] += trailing
        return found


def _claims(sentences: list[str]) -> list[Claim]:
    return [claim for sentence in sentences if (claim := Claim.of(sentence)).text]
