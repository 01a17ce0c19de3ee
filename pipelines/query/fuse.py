"""Several rankings to one: weighted reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from pipelines.domain.answers import Scores
from pipelines.ports import Hit

K = 60
WEIGHTS: Mapping[str, float] = {"dense": 1.0, "keyword": 0.75, "exact": 1.5}
"""Keywords help on every collection that was measured, but on large ones of much the same words they mislead if weighed
as much as meaning (docs/adr/0011-answers-are-bound-before-shown.md). Not so identifiers ("exact"): who asks for one wants
the passages that hold it, and its meaning is nothing a model knows.
"""


def fuse(rankings: Mapping[str, Sequence[Hit]], weights: Mapping[str, float] = WEIGHTS) -> list[tuple[str, Scores]]:
    """(chunk id, scores), best first. `rankings` by name (those of WEIGHTS), each best first."""
    fused: defaultdict[str, float] = defaultdict(float)
    own: dict[str, dict[str, float]] = {name: {} for name in rankings}
    for name, hits in sorted(rankings.items()):
        for rank, hit in enumerate(hits, 1):
            fused[hit.chunk_id] += weights[name] / (K + rank)
            own[name][hit.chunk_id] = hit.score
    best = sorted(fused, key=lambda chunk_id: (-fused[chunk_id], chunk_id))
    dense, keyword = own.get("dense", {}), own.get("keyword", {})
    return [
        (chunk_id, Scores(dense=dense.get(chunk_id), keyword=keyword.get(chunk_id), fused=fused[chunk_id]))
        for chunk_id in best
    ]
