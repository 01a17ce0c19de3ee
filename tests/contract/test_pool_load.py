"""What Prometheus sees of a pool of workers: how its tasks ended, what is busy and waits, and what they took."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.adapters.process_pool import ProcessPool
from app.observability.metrics import REGISTRY
from pipelines.domain.errors import EncryptedFile, LimitExceeded, WorkerCrashed
from tests.contract.test_workers import MiB, allocate, compute, die_by, double, hang, refuse

POOL = "counted"


def value(metric: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(metric, {"pool": POOL, **labels}) or 0


@pytest.fixture
async def pool() -> AsyncIterator[ProcessPool]:
    async with ProcessPool(1, 400 * MiB, 20, name=POOL) as opened:
        yield opened


async def test_each_end_is_counted_as_what_it_was(pool: ProcessPool) -> None:
    before = {name: value("cairn_worker_tasks_total", outcome=name) for name in ("done", "refused", "crashed")}
    memory = value("cairn_worker_tasks_total", outcome="out_of_memory")
    starts = value("cairn_worker_starts_total")
    assert await pool.run(double, 2) == 4
    with pytest.raises(EncryptedFile):
        await pool.run(refuse)
    with pytest.raises(LimitExceeded):
        await pool.run(allocate, 800 * MiB)
    with pytest.raises(WorkerCrashed):
        await pool.run(die_by, 9)
    assert {name: value("cairn_worker_tasks_total", outcome=name) - was for name, was in before.items()} == {
        "done": 1,
        "refused": 1,
        "crashed": 1,
    }
    assert value("cairn_worker_tasks_total", outcome="out_of_memory") - memory == 1
    assert value("cairn_worker_starts_total") - starts == 1, "the one that died is replaced when it is needed"


async def test_a_task_that_is_ended_for_its_time_is_counted_so() -> None:
    before = value("cairn_worker_tasks_total", outcome="out_of_time")
    async with ProcessPool(1, 400 * MiB, 1, name=POOL) as pool:
        with pytest.raises(LimitExceeded):
            await pool.run(hang)
    assert value("cairn_worker_tasks_total", outcome="out_of_time") - before == 1


async def test_what_works_and_waits_is_seen_and_the_processor_time_counted(pool: ProcessPool) -> None:
    before = value("cairn_worker_cpu_seconds_total")
    tasks = [asyncio.create_task(pool.run(compute, 0.5)) for _ in range(3)]
    while (value("cairn_workers_busy"), value("cairn_workers_waiting")) != (1, 2):
        await asyncio.sleep(0.01)
    await asyncio.gather(*tasks)
    assert (value("cairn_workers_busy"), value("cairn_workers_waiting")) == (0, 0)
    assert value("cairn_workers") == 1
    assert value("cairn_worker_cpu_seconds_total") > before + 1
