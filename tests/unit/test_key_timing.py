"""The measurement of `scripts/key_timing.py` would see a comparison that runs along the key."""

from __future__ import annotations

import random

import pytest

from pipelines.domain.errors import Unauthenticated
from scripts.key_timing import SIGN, guess, measure

REAL = "cairn_sk_" + "aB3-_xYz" * 5


class Compared:
    """Each call takes 300 us and what the machine adds, which is more and more; where it leaks, 100 ns for each right letter."""

    def __init__(self, *, leaks: bool) -> None:
        self.now_ns = self._slower_ns = 0
        self._letter_ns = 100 if leaks else 0
        self._machine = random.Random(7)

    def principal(self, secret: str) -> None:
        self._slower_ns += 20
        self.now_ns += 300_000 + self._slower_ns + round(self._machine.expovariate(1 / 3_000))
        for given, right in zip(secret, REAL, strict=True):
            if given != right:
                raise Unauthenticated
            self.now_ns += self._letter_ns


@pytest.mark.parametrize("leaks", [True, False])
def test_a_comparison_along_the_key_is_seen_and_no_other(leaks: bool) -> None:
    identity = Compared(leaks=leaks)
    found = measure(identity, REAL, 1_000, random.Random(1), lambda: identity.now_ns)
    assert (found["all but one right"]["t"] > SIGN) is leaks
    assert abs(found["random again"]["t"]) < SIGN


def test_a_guess_is_right_for_so_many_characters() -> None:
    for right in (0, 1, 20, 39):
        wrong = guess(REAL, right, random.Random(right))
        same = [given == real for given, real in zip(wrong, REAL, strict=True)]
        assert same == [True] * (9 + right) + [False] * (40 - right)
