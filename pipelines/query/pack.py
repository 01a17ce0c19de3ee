"""Which passages an answer may be made of: relevant, different from each other, within the prompt's budget."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.domain.answers import Passage
from pipelines.query.terms import coverage, stems

CLOSE = 0.35  # cosine from which a passage of all-MiniLM-L6-v2 is about the question
RELATED = 0.2  # cosine from which it may be, if it also holds the question's words
_WORDS_SHARED = 0.5  # share of the question's words
_ALL_WORDS = 0.99
_SAME = 0.9  # share of words from which two passages say the same
_TOKENS = 2_400


def pack(question: str, passages: Sequence[Passage], *, tokens: int = _TOKENS) -> list[Passage]:
    """The passages to answer from, best first; none when nothing is relevant."""
    packed: list[Passage] = []
    seen: list[frozenset[str]] = []
    for passage in passages:
        own = stems(passage.source.chunk.text)
        if not relevant(question, passage) or any(_alike(own, other) for other in seen):
            continue
        tokens -= passage.source.chunk.token_count
        if tokens < 0 and packed:
            break
        packed.append(passage)
        seen.append(own)
    return packed


def relevant(question: str, passage: Passage) -> bool:
    """Close in meaning, or related in meaning with the question's own words; words alone when there is no meaning."""
    source, dense = passage.source, passage.scores.dense
    if dense is not None and dense >= CLOSE:
        return True
    text = " ".join((source.title, *source.chunk.heading_path, source.chunk.text))
    shared = coverage(stems(question), stems(text))
    return shared >= (_WORDS_SHARED if dense is None or dense >= RELATED else _ALL_WORDS)


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return len(one & other) >= _SAME * max(len(one | other), 1)
