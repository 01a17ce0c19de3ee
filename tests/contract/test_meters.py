"""Meters of pipelines/limit_ports.py, in this process and in Redis: what is taken comes back evenly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.adapters.memory_meters import MemoryMeters
from app.adapters.redis_meters import RedisMeters
from pipelines.limit_ports import Charge, Meters
from tests.contract.redis_server import RedisServer

TEN_A_DAY = Charge("key:a", 8_640, 86_400)  # slow enough that nothing comes back while a test runs


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> object:
    with RedisServer.running(tmp_path_factory.mktemp("redis")) as started:
        yield started


@pytest.fixture(params=["memory", "redis"])
async def meters(request: pytest.FixtureRequest) -> AsyncIterator[Meters]:
    made: Meters
    if request.param == "memory":
        made = MemoryMeters()
    else:
        made = RedisMeters(request.getfixturevalue("redis").url, prefix=f"test:{request.node.name}:")
    yield made
    await made.close()


async def test_as_many_as_fit_and_no_more(meters: Meters) -> None:
    taken = [await meters.take([TEN_A_DAY]) for _ in range(12)]
    assert [each.accepted for each in taken] == [True] * 10 + [False] * 2
    assert taken[0].used_s[0] == pytest.approx(8_640, abs=60)
    assert taken[-1].used_s[0] == pytest.approx(86_400, abs=60)


async def test_at_once_there_are_not_more_than_one_after_the_other(meters: Meters) -> None:
    taken = await asyncio.gather(*(meters.take([TEN_A_DAY]) for _ in range(40)))
    assert sum(each.accepted for each in taken) == 10


async def test_all_charges_of_a_request_or_none(meters: Meters) -> None:
    two_a_day = Charge("tenant:b", 43_200, 86_400)
    assert [(await meters.take([TEN_A_DAY, two_a_day])).accepted for _ in range(3)] == [True, True, False]
    assert (await meters.take([TEN_A_DAY])).used_s[0] == pytest.approx(3 * 8_640, abs=60), (
        "the refused one cost nothing"
    )
    assert (await meters.take([two_a_day._replace(key="tenant:c")])).accepted


async def test_what_was_used_already_is_charged_beyond_the_most(meters: Meters) -> None:
    taken = await meters.take([TEN_A_DAY._replace(cost_s=200_000)], anyway=True)
    assert taken.accepted
    assert not (await meters.take([TEN_A_DAY])).accepted


async def test_units_come_back(meters: Meters) -> None:
    quick = Charge("key:quick", 0.05, 0.1)
    assert [(await meters.take([quick])).accepted for _ in range(2)] == [True, True]
    async with asyncio.timeout(30):
        while not (await meters.take([quick])).accepted:
            await asyncio.sleep(0.01)


async def test_units_come_back_evenly() -> None:
    now = [0.0]
    meters = MemoryMeters(lambda: now[0])
    assert [(await meters.take([TEN_A_DAY])).accepted for _ in range(11)].count(True) == 10
    now[0] = 8_640
    assert [(await meters.take([TEN_A_DAY])).accepted for _ in range(2)] == [True, False]


async def test_meters_that_ran_empty_are_not_kept() -> None:
    now = [0.0]
    meters = MemoryMeters(lambda: now[0])
    for number in range(10_000):
        await meters.take([Charge(f"key:{number}", 1, 10)])
    now[0] = 100
    await meters.take([Charge("key:new", 1, 10)])
    assert len(meters._empty_at) == 1


async def test_two_processes_share_what_is_in_redis_and_count_for_themselves_without_it(redis: RedisServer) -> None:
    one, two = (RedisMeters(redis.url, prefix="test:shared:") for _ in range(2))
    taken = [await meters.take([TEN_A_DAY]) for meters in (one, two) * 6]
    assert sum(each.accepted for each in taken) == 10
    redis.kill()
    assert [(await one.take([TEN_A_DAY])).accepted for _ in range(11)].count(True) == 10
    redis.start()
    for meters in (one, two):
        await meters.close()
