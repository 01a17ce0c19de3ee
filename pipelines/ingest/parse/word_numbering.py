"""The numbers that Word shows before headings and clauses, which it counts and does not write down (ECMA-376 part 1, 17.9).

Kept are those that a person would cite: a heading's, and those of several parts, as in "4.2 The tenant pays".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple
from xml.etree.ElementTree import Element

from pipelines.ingest.parse.word_styles import Styles, W, value

_LEVELS = 9
_PLACE = re.compile(r"%([1-9])")
_MOST = 4_000  # a number beyond is shown in digits, whatever the format
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"))
_ROMAN_SMALL = ((9, "ix"), (5, "v"), (4, "iv"), (1, "i"))


class _Level(NamedTuple):
    start: int
    kind: str
    text: str  # "%1.%2" stands for the numbers of levels 1 and 2
    digits: bool  # all numbers in digits, as in law


@dataclass
class _List:
    """The levels of an abstract numbering, and how far each is counted."""

    levels: dict[int, _Level]
    styles: dict[str, int]  # levels by the style that has them
    counts: list[int | None] = field(default_factory=lambda: [None] * _LEVELS)


class Numbering:
    """Counts as it is asked: about every paragraph once, in order."""

    def __init__(self, root: Element | None, styles: Styles) -> None:
        self._styles = styles
        abstracts = {} if root is None else {_id(each, "abstractNumId"): each for each in root.iter(f"{W}abstractNum")}
        self._lists = {name: _read(each) for name, each in abstracts.items()}
        self._numbers = {} if root is None else {_id(each, "numId"): each for each in root.iter(f"{W}num")}
        self._begun: set[str] = set()

    @property
    def is_empty(self) -> bool:
        return not self._numbers

    def label(self, paragraph: Element) -> str:
        """What stands before the paragraph, or ""."""
        style = value(paragraph, f"pPr/{W}pStyle")
        number, level = self._place(paragraph, style)
        found = self._numbers.get(number)
        numbered = None if found is None else self._lists.get(value(found, "abstractNumId"))
        if found is None or numbered is None:
            return ""
        if level is None:
            level = next((numbered.styles[each] for each in self._names(style) if each in numbered.styles), 0)
        if number not in self._begun:
            self._begun.add(number)
            _restart(numbered, found)
        text = _counted(numbered, level)
        parts = len(_PLACE.findall(numbered.levels[level].text)) if level in numbered.levels else 0
        return text if parts > 1 or self._styles.level(style) is not None else ""

    def _place(self, paragraph: Element, style: str) -> tuple[str, int | None]:
        """The number's id and its level, of the paragraph or of its style."""
        for holder in chain((paragraph,), self._styles.bases(style)):
            if number := value(holder, f"pPr/{W}numPr/{W}numId"):
                level = value(holder, f"pPr/{W}numPr/{W}ilvl")
                return number, min(int(level), _LEVELS - 1) if level.isdecimal() else None
        return "", None

    def _names(self, style: str) -> list[str]:
        return [_id(each, "styleId") for each in self._styles.bases(style)]


def _read(abstract: Element) -> _List:
    levels: dict[int, _Level] = {}
    styles: dict[str, int] = {}
    for each in abstract.iter(f"{W}lvl"):
        number = _number(_id(each, "ilvl"), 0)
        kind = value(each, "numFmt") or "decimal"
        text = "" if kind in ("bullet", "none") else value(each, "lvlText")
        levels[number] = _Level(_number(value(each, "start"), 1), kind, text, each.find(f"{W}isLgl") is not None)
        if named := value(each, "pStyle"):
            styles[named] = number
    return _List(levels, styles)


def _restart(numbered: _List, number: Element) -> None:
    for override in number.iter(f"{W}lvlOverride"):
        level = _number(_id(override, "ilvl"), 0)
        if (start := value(override, "startOverride")) and level < _LEVELS:
            numbered.counts[level:] = [_number(start, 1) - 1, *[None] * (_LEVELS - level - 1)]


def _counted(numbered: _List, level: int) -> str:
    """The next number of this level, as it is shown."""
    counts, levels = numbered.counts, numbered.levels
    if level not in levels:
        return ""
    before = counts[level]
    counts[level:] = [levels[level].start if before is None else before + 1, *[None] * (_LEVELS - level - 1)]
    for above in range(level):
        if counts[above] is None:
            counts[above] = levels[above].start if above in levels else 1

    def shown(match: re.Match[str]) -> str:
        at = int(match[1]) - 1
        kind = levels[at].kind if at in levels and not levels[level].digits else "decimal"
        return _formatted(counts[at] or 0, kind)

    return _PLACE.sub(shown, levels[level].text).strip()


def _formatted(number: int, kind: str) -> str:
    if not 0 < number < _MOST or kind not in _FORMATS:
        return str(number)
    return _FORMATS[kind](number)


def _roman(number: int) -> str:
    text = ""
    for amount, letters in (*_ROMAN, *_ROMAN_SMALL):
        text += letters * (number // amount)
        number %= amount
    return text


def _letters(number: int) -> str:
    """a to z, then aa to zz (17.18.59)."""
    return chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)


_FORMATS: Mapping[str, Callable[[int], str]] = {
    "lowerRoman": _roman,
    "upperRoman": lambda number: _roman(number).upper(),
    "lowerLetter": _letters,
    "upperLetter": lambda number: _letters(number).upper(),
    "decimalZero": lambda number: f"{number:02}",
}


def _id(element: Element, name: str) -> str:
    return element.get(W + name, "")


def _number(text: str, default: int) -> int:
    return int(text) if text.isdecimal() and len(text) < 9 else default
