"""Answers that this process gave a moment ago, as it gave them: what is read of them again is only whether they may be seen."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from app.services.ask import AnswerEvent, CitationFound, PassagesFound
from app.services.kept import Kept


class Given(NamedTuple):
    events: tuple[AnswerEvent, ...]
    chunk_ids: frozenset[str]  # of all that they show

    @classmethod
    def of(cls, events: tuple[AnswerEvent, ...]) -> Given:
        shown = {
            each.source.chunk.id for event in events if isinstance(event, PassagesFound) for each in event.passages
        }
        cited = {event.citation.chunk_id for event in events if isinstance(event, CitationFound)}
        return cls(events, frozenset(shown | cited))


class _Remembered(NamedTuple):
    given: Given
    at: float
    forgets: int


class Memory:
    """By key; of `entries` the least lately used go first, and each after `age_s`: another process may have been told to
    clear what is kept. What is forgotten in this process is forgotten here."""

    def __init__(
        self, kept: Kept, *, entries: int = 256, age_s: float = 60, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._kept = kept
        self._entries = entries
        self._age_s = age_s
        self._clock = clock
        self._known: OrderedDict[str, _Remembered] = OrderedDict()

    def get(self, key: str) -> Given | None:
        found = self._known.get(key)
        if found is None or found.forgets != self._kept.forgets or self._clock() > found.at + self._age_s:
            return None
        return found.given

    def put(self, key: str, given: Given) -> None:
        self._known[key] = _Remembered(given, self._clock(), self._kept.forgets)
        self._known.move_to_end(key)
        while len(self._known) > self._entries:
            self._known.popitem(last=False)
