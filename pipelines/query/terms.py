"""What tells a text from others: its words, its figures and their units, and what it denies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_WORD = re.compile(r"\w+(?:['’]\w+)?")
_IDENTIFIER = re.compile(r"(?=.*\d)(?=.*[^\W\d]).{4,}|\d{5,}")
_PERIOD = re.compile(r"(?:fy|cy|[qh]\d)?(?:19|20)\d\d(?:[qh]\d|s)?")  # "fy2018", "2021q1", "1990s"
_NUMBER = re.compile(r"\d[\d.,]*\d|\d")
_ADDRESS = re.compile(r"(?:https?:|www\.|//)[^\s)>\]]+|[\w.+-]+@[\w-]+\.[\w.-]+", re.IGNORECASE)
_SUFFIXES = ("ations", "ation", "ings", "ing", "edly", "ied", "ies", "ed", "es", "ly", "s")
_SHORTEST_STEM = 3
_SAME = 0.9

# Words that almost every text holds: they cost time and decide nothing.
STOP_WORDS = frozenset(
    """
    a about an and any are as at be been but by can could did do does each for from get gets had has have how i if in
    into is it its may me much must my no of on or our per should so such than that the their them then there these
    they this those to was we were what when where which who whom whose why will with would you your
    """.split()  # noqa: SIM905 - a list to be read
)
# "Without" is not among them: "not without consent" and "needs consent" are one.
_NEGATIONS = frozenset("no not never none nobody nothing neither nor cannot".split())  # noqa: SIM905
_NEGATION = re.compile(
    rf"\b(?:{'|'.join(_NEGATIONS)}|\w+n['’]t)\b(?!\s+(?:more|less|later|fewer|earlier|only)\b)", re.IGNORECASE
)
_LIMIT = re.compile(r"\b(?:no|not)\s+(more|less|fewer|later|earlier)\b", re.IGNORECASE)
_CLAUSE_END = re.compile(r"[.;,:!?]\s|\b(?:and|but|who|which|while)\b", re.IGNORECASE)

_ONES = "two three four five six seven eight nine".split()  # noqa: SIM905 - "one" is rarely a number
_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()  # noqa: SIM905
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905
_SPELLED: Mapping[str, int] = (
    {word: value for value, word in enumerate(_ONES, 2)}
    | {word: value for value, word in enumerate(_TEENS, 10)}
    | {word: 10 * value for value, word in enumerate(_TENS, 2)}
)
_UNITS = "second minute hour day week month year percent thousand million billion trillion".split()  # noqa: SIM905
_MEASURE = re.compile(rf"(\d[\d.,]*)[\s-]*(?:({'|'.join(_UNITS)})s?\b|(%))", re.IGNORECASE)
_SPELLED_NUMBER = re.compile(
    rf"\b(?:(?P<tens>{'|'.join(_TENS)})[- ](?P<ones>one|{'|'.join(_ONES)})|(?P<single>{'|'.join(_SPELLED)}))\b",
    re.IGNORECASE,
)


class Clause(NamedTuple):
    """Its telling words as stems, without those that deny; whether it denies them."""

    words: frozenset[str]
    denied: bool


def words(text: str) -> list[str]:
    """In lower case, in order."""
    return [word.lower() for word in _WORD.findall(text)]


def telling(text: str) -> list[str]:
    """The words that are no stop words, each once, in order; all of them when there are only stop words."""
    found = list(dict.fromkeys(words(text)))
    return [word for word in found if word not in STOP_WORDS] or found


def identifiers(text: str) -> list[str]:
    """Words that name one thing and have no synonyms: letters with digits, or long numbers ("INV2041", "8812734")."""
    return [word for word in telling(text) if _IDENTIFIER.fullmatch(word) and not _PERIOD.fullmatch(word)]


def stems(text: str) -> frozenset[str]:
    """Telling words without their commonest endings: enough to see that "employees" and "employee" are one."""
    return frozenset(stem(word) for word in telling(text))


def stem(word: str) -> str:
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            return word[: -len(suffix)].removesuffix("i").removesuffix("e")
    return word.removesuffix("y").removesuffix("e") if len(word) > _SHORTEST_STEM else word


def figures(text: str) -> frozenset[str]:
    """What must agree to the letter: numbers and addresses. "1,749", "1749" and "1749.00" are one, as "six" and "6" are."""
    return frozenset((*map(_plain, _NUMBER.findall(in_digits(text))), *map(_bare, _ADDRESS.findall(text))))


def measures(text: str) -> frozenset[tuple[str, str]]:
    """Numbers with the units of time, share and magnitude that follow them: ("28", "day")."""
    found = _MEASURE.findall(in_digits(text))
    return frozenset((_plain(number.rstrip(".,")), unit.lower() or "percent") for number, unit, _ in found)


def negations(text: str) -> tuple[frozenset[str], ...]:
    """The stems of each clause that denies something."""
    return tuple(stems(clause) for clause in _CLAUSE_END.split(text) if _NEGATION.search(clause))


def clauses(text: str) -> tuple[Clause, ...]:
    """In order, those that say anything. A denial of a denial is none."""
    found = (
        Clause(stems(_NEGATION.sub(" ", clause)), len(_NEGATION.findall(clause)) % 2 == 1)
        for clause in _CLAUSE_END.split(text)
    )
    return tuple(clause for clause in found if clause.words)


def limits(text: str) -> frozenset[str]:
    """The comparisons that are turned round, as stems: "more" of "not more than nine"."""
    return frozenset(stem(word.lower()) for word in _LIMIT.findall(text))


def coverage(wanted: frozenset[str], found: frozenset[str]) -> float:
    """The share of `wanted` that is in `found`, 0..1; 0 when nothing is wanted."""
    return len(wanted & found) / len(wanted) if wanted else 0.0


def same(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two texts of these words say the same: nine words in ten are in both."""
    return coverage(one | other, one & other) >= _SAME


def in_digits(text: str) -> str:
    """The text with its spelled numbers in digits: "six" is "6"; "one" stays."""
    return _SPELLED_NUMBER.sub(lambda match: str(_value(match)), text)


def _value(match: re.Match[str]) -> int:
    if match["single"]:
        return _SPELLED[match["single"].lower()]
    return _SPELLED[match["tens"].lower()] + _SPELLED.get(match["ones"].lower(), 1)


def _plain(number: str) -> str:
    whole, _, fraction = number.replace(",", "").partition(".")
    kept = fraction if "." in fraction else fraction.rstrip("0")  # a date keeps its year
    return f"{whole}.{kept}" if kept else whole


def _bare(address: str) -> str:
    return address.lower().rstrip(".,;:")
