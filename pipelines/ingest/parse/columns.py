"""The columns of a page: strips without words that run down between prose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from pipelines.ingest.parse.lines import Line, lines_of
from pipelines.ingest.parse.page_text import Rules, Word
from pipelines.ingest.parse.table_grid import SYMBOL, is_number

PROSE_WORDS = 4
_PROSE_LENGTH = 20  # characters of a line of one word less
_PROSE_LINES = 3
_GUTTER = 8.0  # points: the narrowest
_STEP = 3.0  # points
_NARROWEST = 0.2  # of the width: a column
_NARROWEST_POINTS = 80.0
_MOST_STRIPS = 3  # that are looked at
_MOST_DEPTH = 2  # strips in the sides of a strip: four columns
_LONG = 0.2  # of the height: what columns run down
_LEVEL = 1.3  # points that two that stand in one row may be off
_MOST_LEVEL = 0.7  # of the lines
_FEW_LINES = 4
_MANY_RULES = 3  # across a strip: those of a table
_SAME_SIZE = 0.3  # points
_CLOSE = 2.0  # times the letters' size: lines of one paragraph
_LOOSE = 1.2  # times the usual pitch of lines


class Part(NamedTuple):
    """Words that are read before those of the next part; not `sure` where they may be columns that look like a table, or a
    table that looks like columns."""

    words: Sequence[Word]
    sure: bool = True


class _Strip(NamedTuple):
    """Without words at `x`, between the heights `top` and `bottom`."""

    x: float
    top: float
    bottom: float


def columns_of_page(words: Sequence[Word], rules: Rules) -> list[Part]:
    """What stands above columns, the columns from left to right, and what stands below; or all as it is."""
    return _columns(words, rules, _MOST_DEPTH)


def _columns(words: Sequence[Word], rules: Rules, depth: int) -> list[Part]:
    if not words:
        return []
    sure = True
    for strip in _strips(words) if depth else ():
        found = _split(words, strip, rules, depth)
        if isinstance(found, list):
            return found
        sure = sure and found
    return [Part(words, sure)]


def _split(words: Sequence[Word], strip: _Strip, rules: Rules, depth: int) -> list[Part] | bool:
    """The parts that a strip makes of the words; or that it makes none, True where that is sure."""
    across = sum(
        strip.top < y < strip.bottom and x0 < strip.x - _GUTTER and x1 > strip.x + _GUTTER
        for y, x0, x1 in rules.horizontal
    )
    if across >= _MANY_RULES:
        return True
    inside = [word for word in words if strip.top < _middle(word) < strip.bottom]
    left, right = [word for word in inside if word.x1 <= strip.x], [word for word in inside if word.x0 >= strip.x]
    if not left or not right or _are_figures(left, right) or _are_figures(right, left):
        return True
    sides = [_columns(side, rules, depth - 1) for side in (left, right)]
    prose = [any(_is_prose(part.words) for part in side) for side in sides]
    if not any(prose):
        return True
    if across:
        return False
    if not _ruled_apart(strip, rules):
        if not all(prose):
            text, other = (left, right) if prose[0] else (right, left)
            lines = lines_of(other)
            if len(lines) < _FEW_LINES or _level([line.middle for line in lines], map(_middle, text)):
                return _numeric(other)
        starts = sorted(([at for part in side for at in _starts(lines_of(part.words))] for side in sides), key=len)
        if len(starts[0]) >= _FEW_LINES and _level(*starts):
            return False
    top = _end_of_text(words, strip, left)
    if top > strip.top and not any(strip.top < _middle(word) <= top for word in right):
        return _split(words, strip._replace(top=top), rules, depth)
    above = Part([word for word in words if _middle(word) <= strip.top])
    below = Part([word for word in words if _middle(word) >= strip.bottom])
    return [part for part in (above, *sides[0], *sides[1], below) if part.words]


def _ruled_apart(strip: _Strip, rules: Rules) -> bool:
    """Whether tables on both sides have rules of their own, which end at the strip."""
    inside = [(x0, x1) for y, x0, x1 in rules.horizontal if strip.top < y < strip.bottom]
    return min(sum(x1 <= strip.x for _, x1 in inside), sum(x0 >= strip.x for x0, _ in inside)) >= _MANY_RULES


def _end_of_text(words: Sequence[Word], strip: _Strip, left: Sequence[Word]) -> float:
    """Where the text above a strip ends, whose last line may be too short to cross it."""
    crossing = [word for word in words if abs(_middle(word) - strip.top) <= _LEVEL]
    first, *rest = lines_of(left)[:2]
    size, pitch = first.fragments[0].style.size, first.middle - strip.top
    alike = any(abs(word.style.size - size) < _SAME_SIZE for word in crossing)
    loose = not rest or rest[0].middle - first.middle > _LOOSE * pitch
    return first.middle if alike and loose and pitch <= _CLOSE * size else strip.top


def _are_figures(words: Sequence[Word], labels: Sequence[Word]) -> bool:
    """Whether words are for the most part numbers that stand at the heights of others."""
    return _numeric(words) and _level(list(map(_middle, words)), map(_middle, labels))


def _middle(word: Word) -> float:
    return (word.y0 + word.y1) / 2


def _level(heights: Sequence[float], others: Iterable[float]) -> bool:
    """Whether lines stand at the heights of others, as cells of one row do; a few may by chance."""
    edges = np.unique(np.fromiter(others, float))
    at = np.searchsorted(edges, heights)
    nearest = np.minimum(
        np.abs(edges[np.minimum(at, len(edges) - 1)] - heights), np.abs(edges[np.maximum(at - 1, 0)] - heights)
    )
    return bool((nearest <= _LEVEL).sum() >= _MOST_LEVEL * len(heights))


def _starts(lines: Sequence[Line]) -> list[float]:
    """The heights of lines that more than the usual space parts from the one above: where paragraphs and cells begin."""
    pitches = [two.middle - one.middle for one, two in pairwise(lines)]
    tight = sorted(pitches)[len(pitches) // 10] if pitches else 0.0
    rest = (line.middle for line, pitch in zip(lines[1:], pitches, strict=True) if pitch > _LOOSE * tight)
    return [lines[0].middle, *rest]


def _strips(words: Sequence[Word]) -> list[_Strip]:
    """The strips without words that run down furthest, the longest first."""
    x0, y0, x1, y1 = (np.array([word[at] for word in words]) for at in range(4))
    left, right, top, bottom = x0.min(), x1.max(), y0.min(), y1.max()
    middles = (y0 + y1) / 2
    narrowest = max(_NARROWEST * (right - left), _NARROWEST_POINTS)
    found: list[_Strip] = []
    for x in np.arange(left + narrowest, right - narrowest, _STEP):
        crossing = np.sort(middles[(x0 < x + _GUTTER / 2) & (x1 > x - _GUTTER / 2)])
        edges = np.concatenate(([top - 1], crossing, [bottom + 1]))
        gaps = np.diff(edges)
        at = int(gaps.argmax())
        if gaps[at] >= _LONG * (bottom - top):
            strip = _Strip(float(x), float(edges[at]), float(edges[at + 1]))
            if found and x - found[-1].x <= 2 * _STEP:
                found[-1] = max(found[-1], strip, key=_length)
            else:
                found.append(strip)
    return sorted(found, key=_length, reverse=True)[:_MOST_STRIPS]


def _length(strip: _Strip) -> float:
    return strip.bottom - strip.top


def _numeric(words: Sequence[Word]) -> bool:
    return sum(is_number(word.text) or bool(SYMBOL.fullmatch(word.text)) for word in words) >= 0.5 * len(words)


def _is_prose(words: Sequence[Word]) -> bool:
    """Whether some lines are full of words, as in a column of text, and not cells of a table."""
    width = max(word.x1 for word in words) - min(word.x0 for word in words)
    full = sum(
        len(line.fragments) == 1 and _says_much(line.text) and line.box.x1 - line.box.x0 > 0.6 * width
        for line in lines_of(words)
    )
    return full >= _PROSE_LINES


def _says_much(text: str) -> bool:
    words = len(text.split())
    return words >= PROSE_WORDS or (words == PROSE_WORDS - 1 and len(text) >= _PROSE_LENGTH)
