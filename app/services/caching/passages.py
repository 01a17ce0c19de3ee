"""Passages as they are kept: by the ids of their chunks. Their words come from the catalog, each time, with its leave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple
from typing import TypeAlias

from pipelines.domain.answers import CatalogedChunk, Passage, Scores

Reference: TypeAlias = tuple[str, float, tuple[float | None, ...]]
"""Chunk id, score, scores."""


def referred(passages: Iterable[Passage]) -> list[Reference]:
    return [(each.source.chunk.id, each.score, astuple(each.scores)) for each in passages]


def found_again(references: Sequence[Reference], visible: Mapping[str, CatalogedChunk]) -> tuple[Passage, ...] | None:
    """None when one of them is not to be seen."""
    if any(chunk_id not in visible for chunk_id, _, _ in references):
        return None
    return tuple(Passage(visible[chunk_id], score, Scores(*scores)) for chunk_id, score, scores in references)


def versions(passages: Iterable[Passage]) -> frozenset[str]:
    """That they are of."""
    return frozenset(each.source.chunk.version_id for each in passages)
