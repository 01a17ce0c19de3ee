#!/usr/bin/env python
"""Does the time of a refusal tell how much of a key was right? Paired t over many calls in this process, as JSON.

    scripts/key_timing.py [--calls 20000] [--seed 1]

Keys that begin like a real one, by more and more characters, against random ones, in a random order; each call is timed by
itself. What is compared are the medians of blocks of calls, each with that of the random keys of the same block: what the
machine did meanwhile is in both. A |t| of 4.5 and more would be a sign (Goodwill and others, "A testing methodology for
side-channel resistance validation", 2011). It also says what it could have seen: `smallest_seen_ns` is the difference that
would have given 4.5.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

sys.path.insert(0, str(Path(__file__).parents[1]))

from app.adapters.sql import SqlCatalog
from app.services.identity import KEY_PREFIX, Identity, new_secret
from pipelines.domain.errors import Unauthenticated

SIGN = 4.5
_BLOCK = 50  # calls of a kind
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


class Opens(Protocol):
    def principal(self, secret: str) -> object: ...  # Unauthenticated


def guess(real: str, right: int, dice: random.Random) -> str:
    """A key of the same length whose first so many characters after the prefix are the real one's, and not the next."""
    tail = real[len(KEY_PREFIX) :]
    wrong = [dice.choice(_ALPHABET.replace(letter, "")) for letter in tail[right:]]
    return KEY_PREFIX + tail[:right] + "".join(wrong)


def paired(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """Student's t of the differences between two that belong together, and the standard error of their mean."""
    differences = [one - other for one, other in zip(first, second, strict=True)]
    error = max(statistics.stdev(differences), 1e-9) / math.sqrt(len(differences))
    return statistics.fmean(differences) / error, error


def measure(
    identity: Opens, real: str, calls: int, dice: random.Random, clock_ns: Callable[[], int] = time.perf_counter_ns
) -> dict[str, dict[str, float]]:
    length = len(real) - len(KEY_PREFIX)
    kinds = {"random": 0, "1 right": 1, "half right": length // 2, "all but one right": length - 1}
    taken: dict[str, list[float]] = {kind: [] for kind in (*kinds, "random again")}
    order: list[str] = []
    for _ in range(calls // _BLOCK):
        block = [kind for kind in taken for _ in range(_BLOCK)]
        dice.shuffle(block)
        order += block
    guesses = [guess(real, kinds.get(kind, 0), dice) for kind in order]
    gc.disable()
    for kind, secret in zip(order, guesses, strict=True):
        began = clock_ns()
        with suppress(Unauthenticated):
            identity.principal(secret)
        taken[kind].append(clock_ns() - began)
    gc.enable()
    blocks = {
        kind: [statistics.median(times[first : first + _BLOCK]) for first in range(0, len(times), _BLOCK)]
        for kind, times in taken.items()
    }
    found = {}
    for kind, times in blocks.items():
        if kind != "random":
            t, error = paired(times, blocks["random"])
            mean = statistics.fmean(times)
            found[kind] = {"mean_ns": round(mean), "t": round(t, 2), "smallest_seen_ns": round(SIGN * error)}
    return found


def run(folder: Path, calls: int, seed: int) -> dict[str, object]:
    catalog = SqlCatalog(f"sqlite:///{folder / 'catalog.sqlite3'}")
    catalog.open()
    identity = Identity(catalog, lambda: datetime.now(UTC))
    try:
        real = new_secret()
        identity.install_first_key(real)
        against_random = measure(identity, real, calls, random.Random(seed))
    finally:
        identity.close()
        catalog.close()
    largest = max(abs(each["t"]) for each in against_random.values())
    return {"calls_of_a_kind": calls, "against_random": against_random, "largest_t": largest, "sign": largest >= SIGN}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder), arguments.calls, arguments.seed)
    print(json.dumps(found, indent=2))
    sys.exit(1 if found["sign"] else 0)


if __name__ == "__main__":
    main()
