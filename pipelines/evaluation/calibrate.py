"""From which confidence on questions may be answered, so that wrong answers stay below a bound.

Learn then Test (Angelopoulos, Bates, Candès, Jordan, Lei, 2021): each threshold is a hypothesis "more than `risk` of all
questions are answered wrongly", rejected by the binomial tail; thresholds are tested from the most careful on, until one cannot
be rejected.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, comb, log
from typing import NamedTuple

from pipelines.domain.errors import Conflict


class GoldenSetTooSmall(Conflict):
    """The golden set has too few questions for that bound."""

    code = "golden_set_too_small"


class Tried(NamedTuple):
    """A golden question: the confidence that its answer had, and whether that answer is wrong."""

    confidence: float
    wrong: bool


class Fitted(NamedTuple):
    threshold: float
    answered: int
    wrong: int  # of the answered


def check_size(questions: int, risk: float, certainty: float) -> None:
    """Raises GoldenSetTooSmall where not even a set without one wrong answer would prove the bound."""
    needed = ceil(log(1 - certainty) / log(1 - risk))
    if questions < needed:
        raise GoldenSetTooSmall(
            f"A bound of {risk:g} with certainty {certainty:g} needs {needed} questions; there are {questions}."
        )


def fit(tried: Sequence[Tried], risk: float, certainty: float) -> Fitted:
    """The lowest threshold that is proven: with probability `certainty` over such sets, at most a share `risk` of questions is
    answered wrongly when those are answered whose confidence reaches it. Raises GoldenSetTooSmall."""
    check_size(len(tried), risk, certainty)
    ranked = sorted(tried, key=lambda each: -each.confidence)
    best = Fitted(_above(ranked[0].confidence), 0, 0)
    wrong = 0
    for number, each in enumerate(ranked, 1):
        wrong += each.wrong
        if number < len(ranked) and ranked[number].confidence == each.confidence:
            continue  # they are answered together
        if _chance(wrong, len(tried), risk) > 1 - certainty:
            break
        best = Fitted(each.confidence, number, wrong)
    return best


def _above(confidence: float) -> float:
    return confidence + 1e-6


def _chance(wrong: int, questions: int, risk: float) -> float:
    """Of at most so many wrong answers, if the risk were as given: the binomial's lower tail."""
    return sum(comb(questions, k) * risk**k * (1 - risk) ** (questions - k) for k in range(wrong + 1))
