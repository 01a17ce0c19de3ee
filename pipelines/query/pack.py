"""Which passages a prompt is made of: different from each other, within its budget."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.domain.answers import Passage
from pipelines.query.terms import figures, same, stems

_TOKENS = 2_400


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
