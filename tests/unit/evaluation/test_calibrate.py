"""A threshold keeps what it promises, and promises nothing it cannot."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.evaluation.calibrate import GoldenSetTooSmall, Tried, fit

RISK, CERTAINTY = 0.1, 0.9


def _draw(random: np.random.Generator, count: int) -> list[Tried]:
    """Questions of which the less confident are answered wrongly more often."""
    confidences = random.uniform(0, 1, count)
    return [Tried(float(each), bool(random.uniform() > each)) for each in confidences]


def _risk(threshold: float) -> float:
    """Of all questions of that kind, exactly: the integral of 1 - c from the threshold to 1."""
    return (1 - min(1.0, threshold)) ** 2 / 2


def test_the_bound_holds_as_often_as_it_says() -> None:
    random = np.random.default_rng(7)
    kept = [_risk(fit(_draw(random, 150), RISK, CERTAINTY).threshold) <= RISK for _ in range(300)]
    assert np.mean(kept) >= CERTAINTY - 0.04  # four standard errors would be 0.07


def test_it_answers_as_much_as_it_can_prove() -> None:
    random = np.random.default_rng(7)
    thresholds = [fit(_draw(random, 2_000), RISK, CERTAINTY).threshold for _ in range(20)]
    assert all(_risk(threshold) > 0.6 * RISK for threshold in thresholds)


def test_without_wrong_answers_everything_is_answered() -> None:
    tried = [Tried(number / 100, wrong=False) for number in range(100)]
    assert fit(tried, RISK, CERTAINTY) == (0.0, 100, 0)


def test_with_nothing_but_wrong_answers_nothing_is_answered() -> None:
    fitted = fit([Tried(number / 100, wrong=True) for number in range(100)], RISK, CERTAINTY)
    assert fitted.wrong <= 0.1 * 100
    assert fitted.threshold > 0.9


def test_questions_of_equal_confidence_are_answered_together() -> None:
    tried = [Tried(0.5, wrong=number % 2 == 0) for number in range(50)]
    assert fit(tried, RISK, CERTAINTY).answered == 0


def test_few_questions_prove_nothing() -> None:
    with pytest.raises(GoldenSetTooSmall, match="needs 22 questions"):
        fit([Tried(0.9, wrong=False)] * 21, RISK, CERTAINTY)
    assert fit([Tried(0.9, wrong=False)] * 22, RISK, CERTAINTY).answered == 22
