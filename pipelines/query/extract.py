"""The answer without a language model: the sentences of the passages that answer best, word for word."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from pipelines.ports import Vectors
from pipelines.query.asked import Asked
from pipelines.query.evidence import Evidence
from pipelines.query.relevance import shares_words
from pipelines.query.terms import coverage, same, stems

_MOST = 3
_MOST_CANDIDATES = 64  # what is worth embedding: a third of a second on two cores
_MEANING, _WORDS, _RANK = 0.65, 0.25, 0.2  # what a sentence's score is made of,
_CALLED, _PERIOD = (
    0.4,
    0.1,
)  # and what is added for its being called what is asked for, and for figures of the years asked for
_NEAR_BEST = 0.85  # share of the best score that a further sentence needs
_SURELY_CALLED = 0.7  # from which a row is about the question, however few words they share
_SAME = 0.9  # cosine from which two sentences say the same
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")


def candidates(asked: Asked, pieces: Sequence[Evidence]) -> list[Evidence]:
    """Those that can stand in an answer; of very many, those with the question's words, or what documents write for them."""
    whole = [piece for piece in pieces if piece.whole]
    wanted, phrases = stems(asked.text), [stems(phrase) for phrase in asked.phrases]

    def promise(piece: Evidence) -> float:
        held = max((coverage(each, piece.words) for each in phrases), default=0.0)
        return coverage(wanted, _in_context(piece)) + held + _called(piece, phrases)

    return sorted(whole, key=lambda piece: -promise(piece))[:_MOST_CANDIDATES]


def best(
    asked: Asked, pieces: Sequence[Evidence], meaning: tuple[Vectors, Vectors] | None, floor: float | None
) -> list[Evidence]:
    """The sentences to answer with, at most three, in the order in which they stand. None: nothing is relevant.

    `meaning`: the question's vector (d,) and the pieces' (n, d), L2-normalised; without it words alone decide, and
    without a `floor` of the cosine words alone decide what is relevant.
    """
    wanted, phrases, years = stems(asked.text), [stems(phrase) for phrase in asked.phrases], _years(asked.text)
    words = np.array([coverage(wanted, _in_context(piece)) for piece in pieces])
    called = np.array([_called(piece, phrases) for piece in pieces])
    cosine = meaning[1] @ meaning[0] if meaning and pieces else words
    relevant = (
        (cosine >= floor) | (called >= _SURELY_CALLED)
        if meaning and floor is not None
        else np.array([shares_words(wanted, _in_context(piece)) for piece in pieces], bool) | (called >= _SURELY_CALLED)
    )
    score = _MEANING * cosine + _WORDS * words + _RANK / np.array([1 + piece.rank for piece in pieces])
    score = score + _CALLED * called + _PERIOD * np.array([_of_years(piece, years) for piece in pieces])
    chosen: list[int] = []
    for index in np.argsort(-score, kind="stable"):
        if len(chosen) == _MOST or (chosen and score[index] < _NEAR_BEST * score[chosen[0]]):
            break
        if relevant[index] and not any(_alike(int(index), other, pieces, meaning) for other in chosen):
            chosen.append(int(index))
    return [pieces[index] for index in sorted(chosen, key=lambda each: (pieces[each].rank, pieces[each].start))]


def closeness(meaning: tuple[Vectors, Vectors] | None) -> float | None:
    """The cosine of the nearest sentence to the question; None without vectors, 0 without sentences."""
    return None if meaning is None else float(max(meaning[1] @ meaning[0], default=0.0))


def _called(piece: Evidence, phrases: Sequence[frozenset[str]]) -> float:
    """How well its name is one of the phrases, 0..1: "Total current assets" is, and less so "Other current assets, net"."""
    return max(
        (coverage(each, piece.called) * min(1.0, len(each) / max(1, len(piece.called))) ** 0.5 for each in phrases),
        default=0.0,
    )


def _of_years(piece: Evidence, years: frozenset[str]) -> float:
    """The share of the years that it gives figures for, or that stand above it."""
    said = _years(piece.text)
    return coverage(years, said | _years(piece.heading)) if piece.figures - said else 0.0


def _years(text: str) -> frozenset[str]:
    return frozenset(_YEAR.findall(text))


def _in_context(piece: Evidence) -> frozenset[str]:
    return piece.words | stems(" ".join(piece.passage.source.chunk.heading_path))


def _alike(one: int, other: int, pieces: Sequence[Evidence], meaning: tuple[Vectors, Vectors] | None) -> bool:
    if pieces[one].figures != pieces[other].figures:
        return False
    if meaning:
        return bool(meaning[1][one] @ meaning[1][other] >= _SAME)
    return same(pieces[one].words, pieces[other].words)
