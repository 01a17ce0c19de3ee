"""Which rows of SQLite's FTS5 hold the words of a question, and how much that says (docs/adr/0025).

FTS5's own BM25 reads every row that holds any of the words, most of them for words that decide nothing: 90 ms at 100,000
rows. Here the rows of a word are read up to a limit. Rarer words propose; commoner ones only order what was proposed.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.query.terms import stem

COMMON = 1_000  # rows with a word, from which it proposes nothing
_SCOPE_BITS = 32
_REORDERED = 2  # times as many as are wanted
_RANGES = 16  # that are read one by one

_Rows = NDArray[np.int64]


class Scope(NamedTuple):
    """The rows of one collection under one chunker: they lie together, so that others neither cost nor count."""

    first: int
    last: int

    @classmethod
    def numbered(cls, number: int) -> Scope:
        return cls(number << _SCOPE_BITS, ((number + 1) << _SCOPE_BITS) - 1)


def best(
    connection: sqlite3.Connection,
    scope: Scope,
    terms: Sequence[str],
    limit: int,
    within: Collection[int] | None = None,
) -> list[tuple[int, float]]:
    """(row id, score) of the rows that hold most of the terms, rarer ones counting more; best first.

    The score is the sum of the terms' weights, as of BM25 for words that occur once (Robertson and Zaragoza, 2009).
    `within`: only these rows are there.
    """
    allowed = None if within is None else np.array(sorted(within), np.int64)
    rows = _size(connection, scope) if allowed is None else len(allowed)
    if not rows:
        return []
    place = Place(connection, scope, allowed)
    found = {term: place.holding(f'"{term}"') for term in terms}
    rare = {term: ids for term, ids in found.items() if 0 < len(ids) <= COMMON}
    common = [term for term, ids in found.items() if len(ids) > COMMON]
    if not rare:
        rare, common = _together(place, common), []
    if not rare:
        return []
    ids, scores = _sum({term: (ids, _weight(rows, len(ids))) for term, ids in rare.items()})
    kept = np.lexsort((ids, -scores))[: _REORDERED * limit]
    scored = dict(zip(ids[kept].tolist(), scores[kept].tolist(), strict=True))
    if common:
        _add_common(connection, scored, common, _weight(rows, max(COMMON, rows // 4)))
    return sorted(scored.items(), key=lambda each: (-each[1], each[0]))[:limit]


def _size(connection: sqlite3.Connection, scope: Scope) -> int:
    """About how many rows there are: their numbers grow."""
    (last,) = connection.execute("SELECT max(id) FROM keyword_rows WHERE id BETWEEN ? AND ?", scope).fetchone()
    return 0 if last is None else last - scope.first


class Place:
    """Where terms are looked for: a scope, or the allowed rows of it."""

    def __init__(self, connection: sqlite3.Connection, scope: Scope, allowed: _Rows | None) -> None:
        self._connection = connection
        self._allowed = allowed
        self._ranges, self._limit = [tuple(scope)], COMMON + 1
        if allowed is not None:
            breaks = np.flatnonzero(np.diff(allowed) > 1)
            starts, ends = allowed[[0, *(breaks + 1)]], allowed[[*breaks, -1]]  # a document's rows mostly lie together
            few = len(starts) <= _RANGES
            self._ranges = (
                list(zip(starts.tolist(), ends.tolist(), strict=True)) if few else [tuple(allowed[[0, -1]].tolist())]
            )
            self._limit = -1 if not few else COMMON + 1

    def holding(self, expression: str) -> _Rows:
        """The rows that match; at most some more than COMMON of them, unless they are scattered."""
        query = "SELECT rowid FROM keyword_text WHERE keyword_text MATCH ? AND rowid BETWEEN ? AND ? LIMIT ?"
        found = [
            id_
            for first, last in self._ranges
            for (id_,) in self._connection.execute(query, (expression, first, last, self._limit))
        ]
        ids = np.array(found, np.int64)
        return ids if self._allowed is None else ids[np.isin(ids, self._allowed, assume_unique=True)]


def _together(place: Place, common: Sequence[str]) -> dict[str, _Rows]:
    """Where all words are common: rows that hold all of them, else those of the first words that are found together."""
    for count in range(len(common), 0, -1):
        expression = " AND ".join(f'"{term}"' for term in common[:count])
        if len(ids := place.holding(expression)[:COMMON]):
            return {expression: ids}
    return {}


def _weight(rows: int, holding: int) -> float:
    return math.log(1 + max(rows - holding + 0.5, 0.5) / (holding + 0.5))


def _sum(found: Mapping[str, tuple[_Rows, float]]) -> tuple[_Rows, NDArray[np.float64]]:
    """Each row once, with the sum of the weights of what it holds."""
    every = np.concatenate([ids for ids, _ in found.values()])
    weights = np.concatenate([np.full(len(ids), weight) for ids, weight in found.values()])
    ids, where = np.unique(every, return_inverse=True)
    return ids.astype(np.int64), np.bincount(where, weights, len(ids)).astype(np.float64)


def _add_common(connection: sqlite3.Connection, scored: dict[int, float], common: Sequence[str], weight: float) -> None:
    """For each common term that a row holds, so much more; a word begins as its stem does."""
    marks = ",".join("?" * len(scored))
    texts = connection.execute(f"SELECT rowid, text FROM keyword_text WHERE rowid IN ({marks})", list(scored))  # noqa: S608
    begins = [f" {' '.join([*words[:-1], stem(words[-1])])}" for term in common if (words := term.split())]
    for row, text in texts:
        scored[row] += weight * sum(begin in f" {text}" for begin in begins)
