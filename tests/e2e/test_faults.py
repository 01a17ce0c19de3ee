"""The catalog on PostgreSQL, vectors on a Chroma server, the cache on Redis: what people see when one is gone or silent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.chroma_server import ChromaServer
from tests.contract.redis_server import RedisServer
from tests.e2e.server import events, finished, running, upload
from tests.postgres_server import empty_database

NUMBERS = count(1)


@pytest.fixture(scope="module")
def chroma(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChromaServer]:
    started = ChromaServer(tmp_path_factory.mktemp("chroma"))
    started.start()
    yield started
    started.kill()


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer.running(tmp_path_factory.mktemp("redis")) as started:
        yield started


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with empty_database() as (url, _):
        yield url


@pytest.fixture(scope="module")
def client(
    chroma: ChromaServer, redis: RedisServer, database: str, handbook: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    settings = {"CAIRN_CHROMA_URL": chroma.url, "CAIRN_DATABASE_URL": database, "CAIRN_REDIS_URL": redis.url}
    settings["CAIRN_VECTOR_MEMORY_BYTES"] = "0"  # what is in memory is found without Chroma
    with running(tmp_path_factory.mktemp("data"), **settings) as server, server.client() as http:
        finished(http, upload(http, handbook)["job_id"])
        yield http


def _new() -> dict[str, Any]:
    """A question that no cache knows."""
    return {"query": f"How many days of paid leave do employees get each year? Request {next(NUMBERS)}"}


def _ask(client: httpx.Client, query: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = client.post("/v1/query", json=(query or _new()) | {"stream": False})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def _until_whole(client: httpx.Client) -> None:
    deadline = time.monotonic() + 60
    while _ask(client)["degraded"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_without_the_vector_store_words_find_and_the_answer_says_so(client: httpx.Client, chroma: ChromaServer) -> None:
    assert _ask(client)["degraded"] == []
    chroma.kill()
    found = client.post("/v1/search", json=_new()).json()
    assert found["degraded"] == ["vectors"]
    assert any("28 days" in passage["text"] for passage in found["passages"])
    *_, (name, answer, _) = events(client, "POST", "/v1/query", json=_new())
    assert (name, answer["degraded"]) == ("answer", ["vectors"])
    assert "28" in answer["text"]
    assert client.get("/readyz").status_code == 200  # it serves without
    chroma.start()
    _until_whole(client)  # and nobody restarted anything


def test_a_vector_store_that_says_nothing_is_waited_for_by_one_question(
    client: httpx.Client, chroma: ChromaServer
) -> None:
    _until_whole(client)
    chroma.freeze()
    for _ in range(12):
        assert _ask(client)["degraded"] == ["vectors"]
    assert "cairn_vectors_resting 1.0" in client.get("/metrics").text
    chroma.kill()
    chroma.start()
    _until_whole(client)
    assert "cairn_vectors_resting 0.0" in client.get("/metrics").text


def test_without_the_cache_questions_are_answered_and_say_so(client: httpx.Client, redis: RedisServer) -> None:
    query = _new()
    assert [_ask(client, query)["cache"] for _ in range(2)] == ["none", "exact"]
    redis.kill()
    answer = _ask(client)
    assert (answer["cache"], answer["degraded"]) == ("none", ["cache"])
    assert "28" in answer["text"]
    assert _ask(client, query)["cache"] == "exact"  # what this process gave a moment ago it still knows
    redis.start()
    _until_whole(client)
    query = _new()
    assert [_ask(client, query)["cache"] for _ in range(2)] == ["none", "exact"]


def test_a_catalog_that_is_held_is_a_clear_error_and_comes_back(client: httpx.Client, database: str) -> None:
    with psycopg.connect(database) as other:
        other.execute("LOCK TABLE chunks IN ACCESS EXCLUSIVE MODE")
        with ThreadPoolExecutor() as pool:  # the stream has not begun: it has a status
            both = list(pool.map(lambda path: client.post(path, json=_new()), ("/v1/query", "/v1/search")))
        for refused in both:
            assert (refused.status_code, refused.json()["code"]) == (503, "dependency_unavailable")
            assert int(refused.headers["Retry-After"]) > 0
        other.rollback()
    assert _ask(client)["degraded"] == []
