"""Whether an answer says what it should: its figures as numbers, whatever they are written in, and its words.

Token F1 as in SQuAD (Rajpurkar et al., EMNLP 2016).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from pipelines.query.terms import coverage, stems, words

_MARKERS = re.compile(r"\[(?:\d+|unsupported)\]")
_NUMBER = re.compile(r"(?<![\w.])\(?[-−]?\s?[$€£]?\s?(\d[\d,]*(?:\.\d+)?|\.\d+)")
_YEAR = re.compile(r"(?:19|20)\d\d")
_SCALES = (1.0, 1e3, 1e6, 1e9, 1e-3, 1e-6, 1e-9, 100.0, 0.01)  # thousands, millions, billions; shares and percent
_WORDS = 0.6  # share of the expected words that an answer without figures must have
_ROUNDED = 0.005  # relative: of a figure with few digits


def token_f1(said: str, expected: str) -> float:
    """Of the words, 0..1."""
    one, other = Counter(words(_MARKERS.sub("", said))), Counter(words(expected))
    shared = sum((one & other).values())
    return 2 * shared / (one.total() + other.total()) if shared else 0.0


def is_correct(said: str, expected: str) -> bool:
    """Whether the first figure expected that is no year is said, at any scale and as rounded as expected; without one,
    whether most of the expected words are."""
    text = _MARKERS.sub("", said)
    wanted = [number for number in _numbers(expected) if not _YEAR.fullmatch(number)]
    if wanted:
        return any(_equal(wanted[0], number) for number in _numbers(text))
    return coverage(stems(expected), stems(text)) >= _WORDS


def _numbers(text: str) -> Iterator[str]:
    for match in _NUMBER.finditer(text):
        yield match.group(1).replace(",", "")


def _equal(wanted: str, said: str) -> bool:
    expected, value = float(wanted), float(said)
    decimals = len(wanted.rstrip("0").partition(".")[2])
    half = 0.5 * 10**-decimals
    for scale in _SCALES:
        scaled = value * scale
        if scaled == expected:
            return True
        if scale != 1 and abs(scaled - expected) <= max(half if decimals else 0.0, _ROUNDED * abs(expected)):
            return True
        if scale == 1 and decimals and abs(scaled - expected) <= half:
            return True
    return False
