"""Whether what was found is about the question at all. The nearest passage of a collection may be far away.

A passage of 200 tokens speaks of several things, and its cosine to a short question says little: what decides is the
cosine of its sentences (measured in docs/adr/0011-answers-are-bound-before-shown.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipelines.domain.answers import Passage

_FLOORS: Mapping[str, float] = {"all-MiniLM-L6-v2": 0.40}


def floor_of(model: str) -> float | None:
    """The cosine from which a text of this embedding model is about a question; None for a model that was not measured."""
    return _FLOORS.get(model)


def shares_words(wanted: frozenset[str], found: frozenset[str]) -> bool:
    """Whether a text is about a question as far as words can tell: a quarter of the telling ones, and more than one."""
    shared = len(wanted & found)
    return shared >= max(len(wanted) / 4, min(2, len(wanted)), 1)


def certain(passages: Sequence[Passage], floor: float | None) -> bool:
    """Whether a language model may be asked without a look at the sentences.

    So it is when a whole passage is close enough, and when no cosine can tell: then the model is the better judge.
    """
    known = [passage.scores.dense for passage in passages if passage.scores.dense is not None]
    return bool(passages) and (floor is None or not known or max(known) >= floor)
