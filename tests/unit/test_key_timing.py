"""The measurement of `scripts/key_timing.py` would see a comparison that runs along the key."""

from __future__ import annotations

import random

from pipelines.domain.errors import Unauthenticated
from scripts.key_timing import SIGN, guess, measure

REAL = "cairn_sk_" + "aB3-_xYz" * 5


class Leaking:
    """Compares letter by letter, and stops at the first that is wrong."""

    def principal(self, secret: str) -> None:
        for given, right in zip(secret, REAL, strict=True):
            if given != right:
                raise Unauthenticated
            sum(range(2_000))


def test_a_comparison_along_the_key_is_seen() -> None:
    found = measure(Leaking(), REAL, 300, random.Random(1))
    assert found["all but one right"]["t"] > SIGN
    assert found["all but one right"]["mean_ns"] > found["random again"]["mean_ns"]


def test_a_guess_is_right_for_so_many_characters() -> None:
    for right in (0, 1, 20, 39):
        wrong = guess(REAL, right, random.Random(right))
        same = [given == real for given, real in zip(wrong, REAL, strict=True)]
        assert same == [True] * (9 + right) + [False] * (40 - right)
