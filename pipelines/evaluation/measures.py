"""Measures of a ranking against known evidence; a place of evidence counts once, at the best rank that shows it.

Recall and nDCG at k with binary relevance: Järvelin and Kekäläinen, TOIS 20(4), 2002. Reciprocal rank: Voorhees, TREC-8, 1999.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log2

from pipelines.domain.answers import CatalogedChunk
from pipelines.domain.evaluation import EvidencePlace, GoldenQuestion, Quality


def shows(found: CatalogedChunk, place: EvidencePlace) -> bool:
    """Whether the chunk shows the place."""
    if place.document not in (found.document_id, found.title, found.filename):
        return False
    if place.page is not None and not found.chunk.page_start <= place.page <= found.chunk.page_end:
        return False
    return place.quote is None or _folded(place.quote) in _folded(found.chunk.text)


def quality(golden: GoldenQuestion, ranking: Sequence[CatalogedChunk], k: int) -> Quality:
    """Of the first k of a ranking, best first."""
    unseen = set(range(len(golden.evidence)))
    gain, first = 0.0, None
    for rank, found in enumerate(ranking[:k], 1):
        seen = {number for number in unseen if shows(found, golden.evidence[number])}
        if seen:
            first = first or rank
            gain += 1 / log2(rank + 1)  # a chunk that shows two places takes one rank
            unseen -= seen
    found_places = len(golden.evidence) - len(unseen)
    ideal = sum(1 / log2(rank + 1) for rank in range(1, min(len(golden.evidence), k) + 1))
    return Quality(found_places / len(golden.evidence), min(1.0, gain / ideal), 1 / first if first else 0.0)


def mean(qualities: Sequence[Quality]) -> Quality:
    """Of at least one question."""
    return Quality(*(sum(values) / len(qualities) for values in zip(*qualities, strict=True)))


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
