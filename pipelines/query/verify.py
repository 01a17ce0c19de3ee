"""Whether a quote stands where its citation points: in words that were read again from there.

The words come in no certain order (columns, wrapped cells), broken at line ends, and with what redaction took out of
the quote. So a quote stands in them when its letters do, in order; or when nearly all its words, and each of its
figures, stand close together.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pipelines.domain.chunks import Chunk
from pipelines.domain.documents import Box, Word

BAR = 0.9
"""Share of a quote's letters that must stand in the words, at least."""

_SLACK = 2.0  # points: a box ends where its words do
_PLACEHOLDER = re.compile(r"<[A-Z][A-Z_]*_[0-9A-Za-z*]+>")
_HIDDEN_WORDS = 12  # that one placeholder may stand for, at most
_HIDDEN_LETTERS = 90
_TOKEN = re.compile(r"[^\W_]+")
_SPREAD = 1.5  # of its own words: how many more may stand between those of a quote


class Place(NamedTuple):
    """The part of a quote that stands in one box."""

    page: int
    box: Box
    text: str


def places(chunk: Chunk, start: int, end: int) -> list[Place]:
    """Where characters [start, end) of the chunk's text should stand."""
    found = []
    for region in chunk.regions:
        first, last = max(chunk.start + start, region.start), min(chunk.start + end, region.end)
        if first < last:
            found.append(Place(region.page, region.box, chunk.text[first - chunk.start : last - chunk.start]))
    return found


def stands(place: Place, words: Sequence[Word]) -> bool:
    """Whether the place's text stands in those of the page's words that are in its box."""
    return similarity(place.text, within(place.box, words)) >= BAR


def within(box: Box, words: Sequence[Word]) -> list[Word]:
    return [word for word in words if box.holds(word.box.centre, _SLACK if _is_word(word) else 0.0)]


def similarity(quote: str, words: Sequence[Word]) -> float:
    """The share of the quote's letters that the words hold, 0..1; 0 when a figure of it is not among them.

    A placeholder of the redaction matches anything.
    """
    segments = [tokens for part in _PLACEHOLDER.split(quote) if (tokens := _tokens(part))]
    if not segments:
        return float(bool(words))
    lines = [token for word in _by_line(words) for token in _tokens(word.text)]
    given = [token for word in words for token in _tokens(word.text)]
    if any(_in_order(segments, tokens) for tokens in (lines, given)):
        return 1.0
    hidden = _HIDDEN_WORDS * len(_PLACEHOLDER.findall(quote))
    return _together([token for segment in segments for token in segment], lines, hidden)


def _is_word(word: Word) -> bool:
    return " " not in word.text


def _tokens(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", text).replace("\u00ad", "").casefold()
    return _TOKEN.findall(plain)


def _by_line(words: Sequence[Word]) -> list[Word]:
    """Top to bottom, and from left to right what stands beside each other."""
    lines: list[list[Word]] = []
    for word in sorted(words, key=lambda word: word.box.centre[1]):
        if lines and word.box.centre[1] - lines[-1][0].box.centre[1] <= (word.box.y1 - word.box.y0) / 2:
            lines[-1].append(word)
        else:
            lines.append([word])
    return [word for line in lines for word in sorted(line, key=lambda word: word.box.x0)]


def _in_order(segments: Sequence[Sequence[str]], tokens: Sequence[str]) -> bool:
    """Whether the segments' letters follow one another in the tokens', from the start of one to the end of another."""
    letters = "".join(tokens)
    starts, position = set(), 0
    for token in tokens:
        starts.add(position)
        position += len(token)
    ends = starts - {0} | {position}
    after: int | None = None
    for segment in segments:
        wanted = "".join(segment)
        first, last = (0, len(letters)) if after is None else (after, after + _HIDDEN_LETTERS + len(wanted))
        at = letters.find(wanted, first, last)
        while at >= 0 and not (at in starts and at + len(wanted) in ends):
            at = letters.find(wanted, at + 1, last)
        if at < 0:
            return False
        after = at + len(wanted)
    return True


def _together(wanted: Sequence[str], tokens: Sequence[str], hidden: int) -> float:
    """The best share of the wanted letters in any window of the tokens that holds every wanted figure."""
    size = min(len(tokens), round(_SPREAD * len(wanted)) + hidden + 1)
    missing = Counter(wanted)
    every = lacking = sum(map(len, wanted))
    figures = sum(any(map(str.isdigit, token)) for token in wanted)
    best = 0.0
    for gone, token in _slide(tokens, size):
        if gone is not None and gone in missing:
            missing[gone] += 1
            if missing[gone] > 0:
                lacking += len(gone)
                figures += any(map(str.isdigit, gone))
        if token is not None and token in missing:
            if missing[token] > 0:
                lacking -= len(token)
                figures -= any(map(str.isdigit, token))
            missing[token] -= 1
        if figures == 0:
            best = max(best, 1 - lacking / every)
    return best


def _slide(tokens: Sequence[str], size: int) -> Iterator[tuple[str | None, str | None]]:
    """The token that leaves a window of that size, and the one that comes in, step by step."""
    for number, token in enumerate(tokens):
        yield (tokens[number - size] if number >= size else None), token
