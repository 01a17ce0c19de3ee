"""Whether what was found is about what the question names. Another company's dividends are as near as its own.

Names are words with a capital inside an English sentence; of a language that writes every noun so, nothing is known. What
is written in capitals throughout (USD, SG&A) is no name here: documents spell it out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.domain.answers import Passage

OFF_SUBJECT = 0.5
"""What the confidence in an answer is worth when something that the question names is not named where it stands."""

RARE = 50
"""Chunks of a collection: a word that is in so many is no name of one thing in it."""

_SENTENCE = re.compile(r"(?<=[.?!:])\s+")
_WORD = re.compile(r"[^\W_](?:[\w&'’.\-]*\w)?")
_POSSESSIVE = re.compile(r"['’]s?$")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_ENGLISH = frozenset("the of what how does did which who whom whose when where why and".split())  # noqa: SIM905
_HEADLINE = 0.6  # share of capitals from which they mean nothing
_PART, _WHOLE = 3, 5  # letters: that a longer word may begin with; that may be found across words
_ENDING = 2  # letters by which two forms of a name differ


@dataclass(frozen=True, slots=True)
class Named:
    """What a question is about, as far as it can be told by its letters."""

    names: tuple[str, ...]
    years: frozenset[str]


def named(question: str) -> Named:
    words = [_WORD.findall(sentence) for sentence in _SENTENCE.split(question)]
    every = [word for sentence in words for word in sentence]
    years = frozenset(year for word in every for year in _YEAR.findall(word))
    capitals = [word for word in every if word[0].isupper()]
    if not _ENGLISH & {word.lower() for word in every} or len(capitals) >= _HEADLINE * len(every):
        return Named((), years)
    inside = (_POSSESSIVE.sub("", word) for sentence in words for word in sentence[1:])
    names = dict.fromkeys(word for word in inside if word[0].isupper() and any(map(str.islower, word)))
    return Named(tuple(name for name in names if not _YEAR.search(name)), years)


def missing(question: Named, passages: Sequence[Passage]) -> Named:
    """Of what the question names, what none of the passages, their headings, titles and file names name."""
    sources = [passage.source for passage in passages]
    text = " ".join(
        part for each in sources for part in (each.title, each.filename, *each.chunk.heading_path, each.chunk.text)
    )
    words = set(re.findall(r"[^\W_]+", text.casefold()))
    letters = re.sub(r"[\W_]+", "", text.casefold())
    names = tuple(
        name for name in question.names if not _is_named(re.sub(r"[\W_]+", "", name.casefold()), words, letters)
    )
    return Named(names, question.years - set(_YEAR.findall(text)))


def _is_named(name: str, words: set[str], letters: str) -> bool:
    if name in words or (len(name) >= _WHOLE and name in letters):
        return True
    return any(
        (len(name) >= _PART and word.startswith(name))
        or (len(word) > _PART and name.startswith(word) and len(name) - len(word) <= _ENDING)
        for word in words
    )
