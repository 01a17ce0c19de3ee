"""Where a text turns to something else, seen by its words (TextTiling: Hearst, Computational Linguistics 23, 1997).

On both sides of a gap stands a window of text; the fewer words they share, the better a place to break. Words are weighed
by how rare they are in the document. It needs no model, and costs next to nothing.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from pipelines.ingest.chunk.boundaries import layout_boundaries
from pipelines.ingest.chunk.pieces import Piece

WINDOW_TOKENS = 60  # on each side of a gap: two or three sentences
WEIGHT = 0.35  # cost of a gap whose cohesion is one standard deviation above the document's mean
_STEM = 6  # letters: "measure", "measured" and "measurement" are one word
_WORD = re.compile(r"[^\W_]+")

Bag = Mapping[str, float]


def topic_boundaries(pieces: Sequence[Piece], text: str) -> list[float]:
    """The layout's costs, dearer where the words on both sides are the same, cheaper where they are not."""
    costs = layout_boundaries(pieces, text)
    found = cohesion(pieces, text)
    spread = float(found.std()) if found.size else 0.0
    if not spread:
        return costs
    return [
        *(cost + WEIGHT * float(z) for cost, z in zip(costs, (found - found.mean()) / spread, strict=False)),
        costs[-1],
    ]


def cohesion(pieces: Sequence[Piece], text: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(len(pieces) - 1,): the cosine of the words before and after each gap, 0 to 1."""
    bags = [Counter(word[:_STEM] for word in _WORD.findall(text[piece.start : piece.end].lower())) for piece in pieces]
    in_pieces = Counter(word for bag in bags for word in bag)
    rarity = {word: math.log((len(pieces) + 1) / (count + 0.5)) for word, count in in_pieces.items()}
    sizes = [max(1, piece.tokens) for piece in pieces]
    before = _windows(bags, sizes, rarity)
    after = _windows(bags[::-1], sizes[::-1], rarity)[::-1]
    return np.array([_cosine(left, right) for left, right in zip(before[:-1], after[1:], strict=True)])


def _windows(bags: Sequence[Counter[str]], sizes: Sequence[int], rarity: Mapping[str, float]) -> list[Bag]:
    """For each piece, the words of it and of those before it, back to WINDOW_TOKENS."""
    found: list[Bag] = []
    held: Counter[str] = Counter()
    first, tokens = 0, 0
    for last, bag in enumerate(bags):
        held.update(bag)
        tokens += sizes[last]
        while tokens - sizes[first] >= WINDOW_TOKENS:
            held -= bags[first]
            tokens -= sizes[first]
            first += 1
        found.append({word: math.sqrt(count) * rarity[word] for word, count in held.items()})
    return found


def _cosine(left: Bag, right: Bag) -> float:
    shared = sum(weight * right.get(word, 0.0) for word, weight in left.items())
    return shared / (_length(left.values()) * _length(right.values())) if shared else 0.0


def _length(weights: Iterable[float]) -> float:
    return math.sqrt(sum(weight * weight for weight in weights))
