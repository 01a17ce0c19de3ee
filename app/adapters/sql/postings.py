"""Which rows of SQLite's FTS5 hold the words of a question, and how much that says (docs/adr/0025, docs/adr/0031).

FTS5's own BM25 reads every row that holds any of the words, most of them for words that decide nothing: 90 ms at 100,000
rows. And it counts rows that the asker may not read. Here the rows of a word are read up to a limit, among those that
may be read alone. Rarer words propose; commoner ones only order what was proposed.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.query.terms import stem

COMMON = 1_000  # rows with a word, from which it proposes nothing
_SCOPE_BITS = 32
_REORDERED = 2  # times as many as are wanted
_DIGITS = 9  # of a score; what is beyond depends on the order of adding

# In one text: a thousand rows of Python's cost more than to find them.
_READ = (
    "SELECT group_concat(rowid) FROM"
    " (SELECT rowid FROM keyword_text WHERE keyword_text MATCH ? AND rowid BETWEEN ? AND ? LIMIT ?)"
)

_Rows = NDArray[np.int64]


class Scope(NamedTuple):
    """The rows of one collection under one chunker: they lie together, so that others neither cost nor count."""

    first: int
    last: int

    @classmethod
    def numbered(cls, number: int) -> Scope:
        return cls(number << _SCOPE_BITS, ((number + 1) << _SCOPE_BITS) - 1)


@dataclass(frozen=True, slots=True)
class Runs:
    """Rows as runs of neighbours, in order: a document's mostly lie together. `firsts` and `lasts` belong to them."""

    firsts: _Rows
    lasts: _Rows

    @classmethod
    def of(cls, spans: Iterable[tuple[int, int]]) -> Runs:
        """(first, last) of runs that do not overlap; those that touch become one."""
        firsts, lasts = np.array(sorted(spans), np.int64).reshape(-1, 2).T
        apart = np.flatnonzero(firsts[1:] > lasts[:-1] + 1)
        return cls(firsts[[0, *(apart + 1)]] if len(firsts) else firsts, lasts[[*apart, -1]] if len(lasts) else lasts)

    def __len__(self) -> int:
        return int((self.lasts - self.firsts + 1).sum())

    def among(self, rows: _Rows) -> _Rows:
        """Those of the rows that are in a run."""
        run = np.searchsorted(self.firsts, rows, "right") - 1
        return rows[(run >= 0) & (rows <= self.lasts[run])]

    def after(self, row: int) -> int | None:
        """The next row of a run."""
        run = int(np.searchsorted(self.lasts, row, "right"))
        return max(row + 1, int(self.firsts[run])) if run < len(self.lasts) else None


def best(
    connection: sqlite3.Connection, scope: Scope, terms: Sequence[str], limit: int, within: Runs | None = None
) -> list[tuple[str, float]]:
    """(chunk id, score) of the rows that hold most of the terms, rarer ones counting more; best first, equal ones by chunk
    id: the order in which rows came does not matter, and an index that was made again answers as before.

    The score is the sum of the terms' weights, as of BM25 for words that occur once (Robertson and Zaragoza, 2009).
    `within`: it is as if only these rows of the scope were there.
    """
    runs = _all_of(connection, scope) if within is None else within
    rows = len(runs)
    if not rows:
        return []
    place = Place(connection, runs)
    found = {term: place.holding(f'"{term}"') for term in terms}
    rare = {term: ids for term, ids in found.items() if 0 < len(ids) <= COMMON}
    common = [term for term, ids in found.items() if len(ids) > COMMON]
    if not rare:
        rare, common = _together(place, common), []
    if not rare:
        return []
    ids, scores = _sum({term: (ids, _weight(rows, len(ids))) for term, ids in rare.items()})
    foremost = _foremost(scores, _REORDERED * limit)
    chunk_ids = _chunk_ids(connection, ids[foremost].tolist())
    proposed = zip(ids[foremost].tolist(), scores[foremost].tolist(), strict=True)
    scored = dict(sorted(proposed, key=lambda each: (-each[1], chunk_ids[each[0]]))[: _REORDERED * limit])
    if common:
        _add_common(connection, scored, common, _weight(rows, max(COMMON, rows // 4)))
    named = ((chunk_ids[row], round(score, _DIGITS)) for row, score in scored.items())
    return sorted(named, key=lambda each: (-each[1], each[0]))[:limit]


def _all_of(connection: sqlite3.Connection, scope: Scope) -> Runs:
    """About the rows that there are: their numbers grow."""
    (last,) = connection.execute("SELECT max(id) FROM keyword_rows WHERE id BETWEEN ? AND ?", scope).fetchone()
    return Runs.of([] if last is None else [(scope.first + 1, last)])


class Place:
    """Where terms are looked for."""

    def __init__(self, connection: sqlite3.Connection, runs: Runs) -> None:
        self._connection = connection
        self._runs = runs

    def holding(self, expression: str) -> _Rows:
        """The first rows that match, in order; of more than COMMON, one more. Others that match only cost their reading."""
        found: list[_Rows] = []
        at, last, wanted = int(self._runs.firsts[0]), int(self._runs.lasts[-1]), COMMON + 1
        while wanted:
            read = self._read(expression, at, last)
            found.append(self._runs.among(read)[:wanted])
            wanted -= len(found[-1])
            following = self._runs.after(int(read[-1])) if len(read) > COMMON else None
            if following is None:
                break
            at = following
        return np.concatenate(found)

    def _read(self, expression: str, first: int, last: int) -> _Rows:
        (ids,) = self._connection.execute(_READ, (expression, first, last, COMMON + 1)).fetchone()
        return np.fromstring(ids or "", np.int64, sep=",")


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
    return ids.astype(np.int64), np.round(np.bincount(where, weights, len(ids)), _DIGITS)


def _foremost(scores: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Where the highest are, and all that are as high as the last of so many."""
    if len(scores) <= count:
        return np.arange(len(scores))
    return np.flatnonzero(scores >= np.partition(scores, -count)[-count])


def _chunk_ids(connection: sqlite3.Connection, rows: Sequence[int]) -> dict[int, str]:
    query = "SELECT keyword_rows.id, chunk_id FROM json_each(?) JOIN keyword_rows ON keyword_rows.id = json_each.value"
    return dict(connection.execute(query, (json.dumps(rows),)))


def _add_common(connection: sqlite3.Connection, scored: dict[int, float], common: Sequence[str], weight: float) -> None:
    """For each common term that a row holds, so much more; a word begins as its stem does."""
    marks = ",".join("?" * len(scored))
    texts = connection.execute(f"SELECT rowid, text FROM keyword_text WHERE rowid IN ({marks})", list(scored))  # noqa: S608
    begins = [f" {' '.join([*words[:-1], stem(words[-1])])}" for term in common if (words := term.split())]
    for row, text in texts:
        scored[row] += weight * sum(begin in f" {text}" for begin in begins)
