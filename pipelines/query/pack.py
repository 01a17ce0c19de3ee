"""Which passages a prompt is made of, and in which order: different from each other, within its budget, neighbours together."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.domain.answers import Passage
from pipelines.query.terms import figures, same, stems

_TOKENS = 2_400
_GAP = 2  # characters between two chunks of a text: the line between their blocks


def pack(passages: Sequence[Passage], *, tokens: int = _TOKENS) -> list[Passage]:
    """As many as fit, best first; the best one always. Of two that say the same, figures included, the better one stays."""
    packed: list[Passage] = []
    seen: list[tuple[frozenset[str], frozenset[str]]] = []
    for passage in passages:
        text = passage.source.chunk.text
        own, counted = stems(text), figures(text)
        if any(same(own, words) and counted == numbers for words, numbers in seen):
            continue
        tokens -= passage.source.chunk.token_count
        if tokens < 0 and packed:
            break
        packed.append(passage)
        seen.append((own, counted))
    return packed


def side_by_side(passages: Sequence[Passage]) -> list[int]:
    """Their positions, best first, but those that follow each other in a document together, as it reads."""
    groups: list[list[int]] = []
    for at, passage in enumerate(passages):
        touched = [group for group in groups if any(_adjacent(passage, passages[other]) for other in group)]
        if not touched:
            groups.append([at])
            continue
        first, *rest = touched
        first += [at, *(other for group in rest for other in group)]
        groups = [group for group in groups if group not in rest]
    return [at for group in groups for at in sorted(group, key=lambda each: passages[each].source.chunk.start)]


def _adjacent(one: Passage, other: Passage) -> bool:
    a, b = one.source.chunk, other.source.chunk
    return a.version_id == b.version_id and max(a.start, b.start) <= min(a.end, b.end) + _GAP
