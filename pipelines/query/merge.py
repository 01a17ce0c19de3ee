"""What several collections found, in one order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipelines.domain.answers import Passage

Found = tuple[str, Sequence[Passage]]
"""The embedding model of a collection, and its passages, best first."""


def merge(found: Sequence[Found], limit: int) -> list[Passage]:
    """The best `limit`, best first; of equals, those of the collection that is named first.

    A score says how a passage stands in its own collection, however little that is about the question. So it counts as
    much less as the passage is farther from the question than the nearest of all under that model; cosines of two models
    cannot be compared. One that was found by its words alone is as near as the farthest of its collection.
    """
    nearest: dict[str, float] = {}
    for model, passages in found:
        nearest[model] = max([nearest.get(model, 0.0), *_cosines(passages)])
    weighed = []
    for model, passages in found:
        farthest = min(_cosines(passages), default=nearest[model])
        for each in passages:
            cosine = farthest if each.scores.dense is None else each.scores.dense
            share = max(cosine, 0.0) / nearest[model] if nearest[model] > 0 else 1.0
            weighed.append(replace(each, score=each.score * share))
    return sorted(weighed, key=lambda each: -each.score)[:limit]


def _cosines(passages: Sequence[Passage]) -> list[float]:
    return [each.scores.dense for each in passages if each.scores.dense is not None]
