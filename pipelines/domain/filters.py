"""Which documents of a collection a question is put to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Filters:
    """What a document must be; what is left out is of no matter.

    `metadata`: keys, and the values of which it has one. `tags`: it has one of them; they are its metadata's `tags`, with
    commas between. A document's date is its metadata's `date` (as 2026-03-31), else the day it was uploaded.
    """

    document_ids: frozenset[str] | None = None
    metadata: frozenset[tuple[str, frozenset[str]]] = frozenset()
    tags: frozenset[str] | None = None
    date_from: date | None = None
    date_to: date | None = None  # inclusive

    def __bool__(self) -> bool:
        return self != EVERYTHING


EVERYTHING = Filters()
