"""The words of a text that tell it from others, and its numbers."""

from __future__ import annotations

import re

_WORD = re.compile(r"\w+(?:['’]\w+)?")
_IDENTIFIER = re.compile(r"(?=.*\d)(?=.*[^\W\d]).{4,}|\d{5,}")
_NUMBER = re.compile(r"\d[\d.,]*\d|\d")
_SUFFIXES = ("ations", "ation", "ings", "ing", "edly", "ied", "ies", "ed", "es", "ly", "s")
_SHORTEST_STEM = 3

# Words that almost every text holds: they cost time and decide nothing.
STOP_WORDS = frozenset(
    """
    a about an and any are as at be been but by can could did do does each for from get gets had has have how i if in
    into is it its may me much must my no of on or our per should so such than that the their them then there these
    they this those to was we were what when where which who whom whose why will with would you your
    """.split()  # noqa: SIM905 - a list to be read
)


def words(text: str) -> list[str]:
    """In lower case, in order."""
    return [word.lower() for word in _WORD.findall(text)]


def telling(text: str) -> list[str]:
    """The words that are no stop words, each once, in order; all of them when there are only stop words."""
    found = list(dict.fromkeys(words(text)))
    return [word for word in found if word not in STOP_WORDS] or found


def identifiers(text: str) -> list[str]:
    """Words that name one thing and have no synonyms: letters with digits, or long numbers ("INV2041", "8812734")."""
    return [word for word in telling(text) if _IDENTIFIER.fullmatch(word)]


def stems(text: str) -> frozenset[str]:
    """Telling words without their commonest endings: enough to see that "employees" and "employee" are one."""
    return frozenset(stem(word) for word in telling(text))


def stem(word: str) -> str:
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            return word[: -len(suffix)].removesuffix("i").removesuffix("e")
    return word.removesuffix("y").removesuffix("e") if len(word) > _SHORTEST_STEM else word


def numbers(text: str) -> frozenset[str]:
    """As they are meant, not as they are grouped: "1,749" and "1749" are one."""
    return frozenset(found.replace(",", "").rstrip(".") for found in _NUMBER.findall(text))


def coverage(wanted: frozenset[str], found: frozenset[str]) -> float:
    """The share of `wanted` that is in `found`, 0..1; 0 when nothing is wanted."""
    return len(wanted & found) / len(wanted) if wanted else 0.0
