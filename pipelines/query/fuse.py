"""Several rankings to one: weighted reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from pipelines.domain.answers import Scores
from pipelines.ports import Hit

K = 60
WEIGHTS: Mapping[str, float] = {"dense": 1.0, "written": 1.5, "keyword": 1.0, "exact": 1.5}
"""Meaning and words count alike, and what documents write for a question more. Identifiers ("exact") count too: who asks for
one wants the passages that hold it, and its meaning is nothing a model knows."""

BEST = sum(WEIGHTS.values()) / (K + 1)
"""Of a chunk that is first in every ranking."""


def fuse(rankings: Mapping[str, Sequence[Hit]], weights: Mapping[str, float] = WEIGHTS) -> list[tuple[str, Scores]]:
    """(chunk id, scores), best first; of equal ones, the nearer in meaning.

    `rankings` by name (those of WEIGHTS), each best first.
    """
    fused: defaultdict[str, float] = defaultdict(float)
    own: dict[str, dict[str, float]] = {name: {} for name in rankings}
    for name, hits in sorted(rankings.items()):
        for rank, hit in enumerate(hits, 1):
            fused[hit.chunk_id] += weights[name] / (K + rank)
            own[name][hit.chunk_id] = hit.score
    dense, keyword = own.get("dense", {}), own.get("keyword", {})
    best = sorted(fused, key=lambda id_: (-fused[id_], -dense.get(id_, -1.0), -keyword.get(id_, 0.0), id_))
    return [
        (chunk_id, Scores(dense=dense.get(chunk_id), keyword=keyword.get(chunk_id), fused=fused[chunk_id]))
        for chunk_id in best
    ]
