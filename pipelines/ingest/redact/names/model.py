"""Reads text with the model of scripts/train_names.py: a linear-chain conditional random field, in numpy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.privacy import PiiSpan
from pipelines.ingest.redact.names import features
from pipelines.ingest.redact.names.features import LABELS, Lexicon, Token, Word
from pipelines.ingest.redact.names.plausible import plausible

_ARTEFACT = Path(__file__).with_name("names.npz")
_LONGEST = 160  # tokens of a sequence
_REMEMBERED = 20_000  # words, and places among others
_LEAST = 0.2  # probability from which a word is proposed
_TRUST = {"STREET_ADDRESS": 0.59}
"""In tables of figures every number looks like one of a house: a guessed address scores below one with a known shape (0.6)."""
_NEIGHBOURS = (-2, -1, 0, 1, 2)

Floats = NDArray[np.float32]


@lru_cache(maxsize=1)
def names_model() -> NamesModel:
    """Loaded once a process (a tenth of a second, 30 MB)."""
    with np.load(_ARTEFACT, allow_pickle=False) as data:
        return NamesModel(dict(data))


class NamesModel:
    """Remembers what it made of words and of places among words; not for several threads at once."""

    def __init__(self, data: dict[str, NDArray[Any]]) -> None:
        self._rows = {each: row for row, each in enumerate(_ascending(data["keys"]))}
        self._weights = data["weights"].astype(np.float32) * data["scale"]
        self._steps = np.exp(data["transitions"].astype(np.float64))
        self._lexicon = Lexicon(
            dict(zip(_ascending(data["words"]), data["masks"].tolist(), strict=True)),
            dict(zip(_ascending(data["clustered"]), data["clusters"].tolist(), strict=True)),
        )
        self._words: dict[str, tuple[Word, Floats]] = {}
        self._places: dict[tuple[str, ...], Floats] = {}

    def spans(self, text: str) -> list[PiiSpan]:
        """In order, without overlaps. The score is the mean probability of the label over the span's words,
        times what is thought of such guesses (`_TRUST`)."""
        sequences = list(_sequences(list(features.tokens(text))))
        found = [
            span
            for sequence, probabilities in zip(sequences, self._marginals(sequences), strict=True)
            for span in _spans(sequence, probabilities)
        ]
        return list(plausible(text, found))

    def _marginals(self, sequences: Sequence[Sequence[Token]]) -> list[Floats]:
        """(tokens, tags) of each sequence: probabilities by the forward-backward algorithm, all sequences at a time."""
        if not sequences:
            return []
        scores = [self._scores(sequence) for sequence in sequences]
        longest, tags = max(map(len, scores)), self._steps.shape[0]
        chances = np.ones((longest, len(scores), tags))
        inside = np.zeros((longest, len(scores), 1), dtype=bool)
        for row, each in enumerate(scores):
            chances[: len(each), row] = np.exp(each - each.max(axis=1, keepdims=True))
            inside[: len(each), row] = True
        forward = np.empty_like(chances)
        state = chances[0] / chances[0].sum(axis=1, keepdims=True)
        forward[0] = state
        for at in range(1, longest):
            state = (state @ self._steps) * chances[at]
            state /= state.sum(axis=1, keepdims=True)
            forward[at] = state
        backward = np.ones_like(state)
        both = np.empty_like(chances)
        for at in range(longest - 1, -1, -1):
            both[at] = forward[at] * backward
            following = (backward * chances[at]) @ self._steps.T
            # Behind a sequence's end nothing follows.
            backward = np.where(inside[at], following / following.sum(axis=1, keepdims=True), 1.0)
        both /= both.sum(axis=2, keepdims=True)
        return [both[: len(each), row].astype(np.float32) for row, each in enumerate(scores)]

    def _scores(self, sequence: Sequence[Token]) -> Floats:
        """(tokens, tags): the sum of the weights of all features of each place."""
        count, tags = len(sequence), self._weights.shape[1]
        padded = np.zeros((count + 4, tags), np.float32)
        words = [self._word(token.text) for token in sequence]
        said = np.stack([each[1] for each in words])
        for column, distance in enumerate(_NEIGHBOURS):  # a word speaks about the places around it
            padded[2 - distance : 2 - distance + count] += said[:, column]
        scores = padded[2 : 2 + count]
        kinds = ["", "", *(each[0].kind for each in words), "", ""]
        scores += np.stack([self._place(tuple(kinds[at : at + 5])) for at in range(count)])
        scores[0] += self._sum([features.EDGES[-1]])
        scores[-1] += self._sum([features.EDGES[1]])
        return scores

    def _word(self, written: str) -> tuple[Word, Floats]:
        found = self._words.get(written)
        if found is None:
            if len(self._words) >= _REMEMBERED:
                self._words.clear()
            word = features.describe(written, self._lexicon)
            found = word, np.stack([self._sum(features.of_neighbour(word, each)) for each in _NEIGHBOURS])
            self._words[written] = found
        return found

    def _place(self, kinds: tuple[str, ...]) -> Floats:
        found = self._places.get(kinds)
        if found is None:
            if len(self._places) >= _REMEMBERED:
                self._places.clear()
            found = self._places[kinds] = self._sum(features.of_kinds(*kinds))
        return found

    def _sum(self, keys: Sequence[int]) -> Floats:
        rows = [row for each in keys if (row := self._rows.get(each)) is not None]
        total: Floats = self._weights[rows].sum(axis=0)
        return total


def _sequences(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """Stretches that end at a sentence's end where there is one in time."""
    start = 0
    for at, token in enumerate(tokens, 1):
        if at - start >= _LONGEST or (at - start >= _LONGEST // 4 and token.text in (".", "!", "?", "\n\n")):
            yield tokens[start:at]
            start = at
    if start < len(tokens):
        yield tokens[start:]


def _spans(tokens: Sequence[Token], probabilities: Floats) -> Iterator[PiiSpan]:
    begins, goes_on = probabilities[:, 1::2], probabilities[:, 2::2]
    either = begins + goes_on
    proposed = 1 - probabilities[:, 0] >= _LEAST
    best = either.argmax(axis=1)
    open_: list[int] = []
    for at in np.flatnonzero(proposed):
        continues = (
            open_ and open_[-1] == at - 1 and best[at] == best[at - 1] and goes_on[at, best[at]] >= begins[at, best[at]]
        )
        if open_ and not continues:
            yield _span(tokens, open_, either, best[open_[0]])
            open_ = []
        open_.append(int(at))
    if open_:
        yield _span(tokens, open_, either, best[open_[0]])


def _span(tokens: Sequence[Token], places: Sequence[int], either: Floats, label: int) -> PiiSpan:
    probability = float(either[places[0] : places[-1] + 1, label].mean())
    score = probability * _TRUST.get(LABELS[label], 1.0)
    return PiiSpan(tokens[places[0]].start, tokens[places[-1]].end, LABELS[label], score)


def _ascending(gaps: NDArray[Any]) -> list[int]:
    found: list[int] = np.cumsum(gaps, dtype=np.int64).tolist()
    return found
