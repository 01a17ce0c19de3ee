"""How long the stages of a request took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Timings(dict[str, float]):
    """Milliseconds by stage; a stage that ran twice counts twice."""

    def __init__(self) -> None:
        super().__init__()
        self._began = time.perf_counter()

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self[stage] = round(self.get(stage, 0.0) + (time.perf_counter() - began) * 1000, 1)

    def mark(self, moment: str) -> None:
        """The time from the beginning to the first time that this happens."""
        self.setdefault(moment, round((time.perf_counter() - self._began) * 1000, 1))

    def since(self, moment: str, stage: str) -> None:
        """The time of a stage that began at a moment marked before."""
        self[stage] = round((time.perf_counter() - self._began) * 1000 - self[moment], 1)
