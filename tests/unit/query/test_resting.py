"""A vector index that fails or says nothing is left alone, and found again by itself."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np
import pytest

from app.services.resting import RestingVectors
from pipelines.domain.errors import IndexUnavailable
from pipelines.ports import Hit
from tests.contract.samples import PAPERS
from tests.fakes.models import MemoryIndex

ASKED = PAPERS.active_generation, np.ones(2, dtype=np.float32), 3


@dataclass
class Clock:
    now: float = 0

    def __call__(self) -> float:
        return self.now


@dataclass
class Counting(MemoryIndex):
    asked: int = 0

    async def ping(self) -> None:
        self.asked += 1
        await super().ping()


@pytest.mark.parametrize("how", ["dead", "hangs"])
async def test_only_the_first_question_waits_and_one_at_a_time_looks_again(how: str) -> None:
    index, clock = Counting(rows={"chk_1": ("ver_1", np.ones(2, dtype=np.float32))}), Clock()
    vectors = RestingVectors(index, timeout_s=0.05, rest_s=10, clock=clock)
    setattr(index, how, True)
    for _ in range(5):
        with pytest.raises(IndexUnavailable):
            await vectors.query(*ASKED)
    assert index.asked == 1
    clock.now = 10
    for _ in range(5):
        with pytest.raises(IndexUnavailable):
            await vectors.query(*ASKED)
    while index.asked == 1 or not await _tried(vectors):
        await asyncio.sleep(0)
    assert index.asked == 2
    setattr(index, how, False)
    with pytest.raises(IndexUnavailable):  # its rest began anew
        await vectors.query(*ASKED)
    clock.now = 20
    with pytest.raises(IndexUnavailable):  # no question waits for the trial
        await vectors.query(*ASKED)
    await _tried(vectors)
    assert await vectors.query(*ASKED) == [Hit("chk_1", 2.0)]


async def _tried(vectors: RestingVectors) -> bool:
    assert vectors._trial is not None
    await asyncio.gather(vectors._trial)
    return True


async def test_who_leaves_says_nothing_of_the_index() -> None:
    index = Counting(hangs=True)
    vectors = RestingVectors(index, timeout_s=30)
    asking = asyncio.ensure_future(vectors.query(*ASKED))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    index.hangs = False
    assert await vectors.query(*ASKED) == []
