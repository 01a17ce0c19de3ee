"""Whether one run of the same questions is better or worse than another, and not by chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pipelines.domain.evaluation import Measures

_DRAWS = 2_000
_CHANCE = 0.2  # how often a loss as large may come by chance and still count as one
_PLAIN_LOSS = 0.15  # a loss that needs no test


def worse(before: Sequence[float], after: Sequence[float], tolerance: float) -> bool:
    """Whether the mean fell by more than the tolerance, and not by chance (paired sign-flip test, one-sided)."""
    if not before:
        return False
    losses = np.asarray(before, dtype=np.float64) - np.asarray(after, dtype=np.float64)
    loss = float(losses.mean())
    if loss <= tolerance:
        return False
    return loss > max(_PLAIN_LOSS, tolerance) or chance(losses) < _CHANCE


def chance(losses: np.ndarray) -> float:
    """How often a mean loss at least as large comes up when each pair's sign is drawn at random; the same each time."""
    signs = np.random.default_rng(0).choice((-1.0, 1.0), size=(_DRAWS, len(losses)))
    return float(((signs * np.abs(losses)).mean(axis=1) >= losses.mean() - 1e-12).mean())


class Difference(NamedTuple):
    """Of one measure between two runs, over the questions that have it in both. `low` and `high`: 95 % of the mean difference."""

    before: float
    after: float
    low: float
    high: float
    p: float  # two-sided: how often chance alone makes so large a difference
    questions: int


def differences(before: Sequence[Measures], after: Sequence[Measures]) -> dict[str, Difference]:
    """By measure, of runs of the same questions in the same order: a paired sign-flip test, and a bootstrap for the interval."""
    found = {}
    for name in sorted({name for measures in (*before, *after) for name in measures}):
        pairs = [(one[name], two[name]) for one, two in zip(before, after, strict=True) if name in one and name in two]
        if pairs:
            found[name] = _difference(np.asarray(pairs, dtype=np.float64))
    return found


def _difference(pairs: np.ndarray) -> Difference:
    """`pairs` (n, 2): before and after."""
    gains = pairs[:, 1] - pairs[:, 0]
    draw = np.random.default_rng(0)
    means = gains[draw.integers(0, len(gains), size=(_DRAWS, len(gains)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    signs = draw.choice((-1.0, 1.0), size=(_DRAWS, len(gains)))
    p = (np.abs((signs * gains).mean(axis=1)) >= abs(gains.mean()) - 1e-12).mean()
    return Difference(
        float(pairs[:, 0].mean()), float(pairs[:, 1].mean()), float(low), float(high), float(p), len(gains)
    )
