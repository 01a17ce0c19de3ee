"""The answer without a language model: the sentences of the passages that answer best, word for word."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipelines.ports import Vectors
from pipelines.query.evidence import Evidence
from pipelines.query.terms import coverage, stems

_MOST = 3
_MEANING, _WORDS, _RANK = 0.65, 0.25, 0.1  # what a sentence's score is made of
_NEAR_BEST = 0.8  # share of the best score that a further sentence needs
_LEAST_MEANING = 0.3
_SAME = 0.9  # cosine from which two sentences say the same


def candidates(pieces: Sequence[Evidence]) -> list[Evidence]:
    """Those that can stand in an answer."""
    return [piece for piece in pieces if piece.whole]


def best(question: str, pieces: Sequence[Evidence], asked: Vectors | None, vectors: Vectors | None) -> list[Evidence]:
    """The sentences to answer with, at most three, as they stand in the passages.

    `asked` (d,) and `vectors` (n, d) are L2-normalised; without them words alone decide.
    """
    if not pieces:
        return []
    wanted = stems(question)
    words = np.array([coverage(wanted, stems(_in_context(piece))) for piece in pieces])
    prior = np.array([1 / (1 + piece.rank) for piece in pieces])
    meaning = vectors @ asked if vectors is not None and asked is not None else words
    score = _MEANING * meaning + _WORDS * words + _RANK * prior
    chosen: list[int] = []
    for index in np.argsort(-score, kind="stable"):
        if len(chosen) == _MOST or (chosen and score[index] < _NEAR_BEST * score[chosen[0]]):
            break
        if meaning[index] < _LEAST_MEANING and (chosen or words[index] < _LEAST_MEANING):
            continue
        if vectors is None or all(vectors[index] @ vectors[other] < _SAME for other in chosen):
            chosen.append(int(index))
    return [pieces[index] for index in sorted(chosen, key=lambda each: (pieces[each].rank, pieces[each].start))]


def _in_context(piece: Evidence) -> str:
    chunk = piece.passage.source.chunk
    return " ".join((*chunk.heading_path, piece.text))
