"""Which documents a question names: "3M" and "FY2018" are words of the title "3M_2018_10K", and of few others."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipelines.query.terms import STOP_WORDS, stem

_WORD = re.compile(r"[^\W_]+")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_SHORTEST_PREFIX = 3


@dataclass(frozen=True, slots=True)
class Names:
    """Documents by the words of their names. Many words tell little: one that half of the documents have, next to nothing."""

    holders: Mapping[str, frozenset[str]]  # stem -> version ids
    documents: int

    @classmethod
    def of(cls, names: Iterable[tuple[str, str]]) -> Names:
        """(version id, name) of each document; a name may be all of title and file name."""
        holders: defaultdict[str, set[str]] = defaultdict(set)
        documents = set()
        for version_id, name in names:
            documents.add(version_id)
            for word in _words(name):
                holders[stem(word.lower())].add(version_id)
        return cls({word: frozenset(ids) for word, ids in holders.items()}, len(documents))

    def named(self, question: str) -> dict[str, float]:
        """How surely the question names each document, 0..1; those that it does not name are left out.

        1 is the best of those that a word points at which few others have. Companies and people are shortened and run
        together in file names: "Foot Locker" is FOOTLOCKER, and "MGM", in capitals, is the beginning of MGMRESORTS.
        """
        scores: defaultdict[str, float] = defaultdict(float)
        for ids in {word: self._holders(word) for word in _asked(question)}.values():
            for version_id in ids:
                scores[version_id] += self._weight(len(ids))
        sure = max(math.log1p(self.documents), *scores.values()) if scores else 1.0
        return {version_id: score / sure for version_id, score in scores.items()}

    def _holders(self, word: str) -> frozenset[str]:
        known = self.holders.get(stem(word.lower()))
        if known or len(word) < _SHORTEST_PREFIX or not word[0].isupper():
            return known or frozenset()
        begun = word.lower()
        return frozenset().union(*(ids for name, ids in self.holders.items() if name.startswith(begun)))

    def _weight(self, holding: int) -> float:
        """Of a word of BM25 that occurs once."""
        return math.log1p((self.documents - holding + 0.5) / (holding + 0.5)) if holding else 0.0


def _words(text: str) -> list[str]:
    """With the years in them: "FY2018" is also "2018"."""
    found = _WORD.findall(text)
    return list(dict.fromkeys([*found, *(year for word in found for year in _YEAR.findall(word))]))


def _asked(question: str) -> list[str]:
    """The words of a question that may be of a name, and neighbours of them run together."""
    found = [word for word in _words(question) if word.lower() not in STOP_WORDS]
    return list(dict.fromkeys([*found, *map("".join, _neighbours(_WORD.findall(question)))]))


def _neighbours(words: Sequence[str]) -> Iterable[tuple[str, ...]]:
    yield from pairwise(words)
    yield from zip(words, words[1:], words[2:], strict=False)
