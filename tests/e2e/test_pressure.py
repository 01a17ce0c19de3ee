"""A model that is slow, wanted by many, or broken: what people see of it, on the real server."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.server import events, finished, running, upload
from tests.fakes.ollama import FakeOllama, Faults

QUERY = {"query": "How many days of paid leave do employees get each year?"}
WHOLE = QUERY | {"stream": False}
SAYS = "Employees get 28 days of paid leave each year [1]."
REST_S = 1.0


@pytest.fixture(scope="module")
def client(ollama: FakeOllama, handbook: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    settings = {
        "CAIRN_OLLAMA_URL": ollama.url,
        "CAIRN_LLM_KEEP_ALIVE": "7m",
        "CAIRN_CACHE": "false",
        "CAIRN_LLM_CONCURRENCY": "1",
        "CAIRN_LLM_QUEUE": "1",
        "CAIRN_LLM_BREAKER_FAILURES": "3",
        "CAIRN_LLM_BREAKER_REST_S": str(REST_S),
        "CAIRN_KEEP_ALIVE_S": "0.2",
    }
    with running(tmp_path_factory.mktemp("data"), **settings) as server, server.client() as http:
        finished(http, upload(http, handbook)["job_id"])
        yield http


@pytest.fixture(autouse=True)
def well_again(ollama: FakeOllama) -> Iterator[None]:
    ollama.says, ollama.faults = SAYS, Faults()
    yield
    ollama.faults = Faults()
    ollama.quiet()


def _metric(client: httpx.Client, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", client.get("/metrics").text, re.MULTILINE)
    return float(found.group(1)) if found else 0.0


def _until(true: Any, within_s: float = 20) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_model_is_loaded_before_the_first_question(client: httpx.Client, ollama: FakeOllama) -> None:
    _until(lambda: ollama.loads == 1)
    assert ollama.keep_alive == "7m"
    client.post("/v1/query", json=WHOLE)
    assert ollama.keep_alive == "7m"
    assert ollama.loads == 1


def test_passages_come_before_the_first_word_and_silence_is_filled(client: httpx.Client, ollama: FakeOllama) -> None:
    ollama.faults = Faults(first_delay_s=6.0)  # longer than the time-outs of clients that gave Ollama a bad name
    with client.stream("POST", "/v1/query", json=QUERY) as response:
        lines = list(response.iter_lines())
    said = [line for line in lines if line.startswith(("event:", "id:", ":"))]
    names = [line[7:] for line in said if line.startswith("event:")]
    assert names == ["passages", "citation", "delta", "answer"]
    *_, last = (json.loads(line[5:]) for line in lines if line.startswith("data:"))
    assert last["degraded"] == []
    assert [line for line in said if line.startswith("id:")] == [f"id: {number}" for number in range(1, 5)]
    silence = said[2 : said.index("event: citation")]
    assert len(silence) >= 2
    assert set(silence) == {": alive"}


def test_a_model_that_stumbles_is_asked_again_and_nothing_else_is_done_twice(
    client: httpx.Client, ollama: FakeOllama
) -> None:
    ollama.faults, asked = Faults(refuse_chats=2), len(ollama.prompts)
    seen = list(events(client, "POST", "/v1/query", json=QUERY))
    assert [name for name, _, _ in seen] == ["passages", "citation", "delta", "answer"]
    assert seen[-1][1]["degraded"] == []
    assert len(ollama.prompts) == asked + 3


def test_who_finds_the_line_full_is_told_when_to_come_again(client: httpx.Client, ollama: FakeOllama) -> None:
    ollama.faults = Faults(first_delay_s=1.0)
    with ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(client.post, "/v1/query", json=WHOLE) for _ in range(6)]
        answers = [each.result() for each in asking]
    assert ollama.most_streams == 1
    served = [answer.json() for answer in answers if answer.status_code == 200]
    refused = [answer for answer in answers if answer.status_code != 200]
    assert len(served) == 2
    assert all(answer["degraded"] == [] for answer in served)
    assert max(answer["timings_ms"]["queue"] for answer in served) > 500
    assert [answer.status_code for answer in refused] == [429] * 4
    for answer in refused:
        assert answer.json()["code"] == "model_busy"
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert _metric(client, "cairn_model_waiting") == 0
    assert _metric(client, "cairn_model_running") == 0
    assert _metric(client, "cairn_model_queue_seconds_count") >= 2


def test_a_full_line_refuses_a_stream_before_it_begins(client: httpx.Client, ollama: FakeOllama) -> None:
    ollama.faults = Faults(first_delay_s=1.5)
    with ThreadPoolExecutor(2) as pool:
        first = [pool.submit(client.post, "/v1/query", json=WHOLE) for _ in range(2)]
        _until(lambda: _metric(client, "cairn_model_waiting") == 1)
        assert client.post("/v1/query", json=QUERY).status_code == 429
        chat = {"model": "default", "messages": [{"role": "user", "content": "How long is leave?"}], "stream": True}
        busy = client.post("/v1/chat/completions", json=chat)
        assert (busy.status_code, busy.json()["error"]["code"]) == (429, "model_busy")
        assert client.post("/v1/search", json=QUERY).status_code == 200  # no model is asked
        assert {each.result().status_code for each in first} == {200}


@pytest.mark.parametrize("body", [QUERY, WHOLE], ids=["stream", "whole"])
def test_a_client_that_leaves_before_the_first_word_stops_the_model(
    client: httpx.Client, ollama: FakeOllama, body: dict[str, Any]
) -> None:
    ollama.faults = Faults(first_delay_s=60)
    leaving = httpx.Client(base_url=client.base_url, headers=client.headers, trust_env=False, verify=False, timeout=60)

    def ask() -> None:
        with pytest.raises((httpx.HTTPError, OSError, RuntimeError)):
            leaving.post("/v1/query", json=body)

    asking = threading.Thread(target=ask)
    asking.start()
    _until(lambda: ollama.streams == 1)
    socket = leaving._transport._pool.connections[0]._connection._network_stream.get_extra_info("socket")  # type: ignore[attr-defined]
    socket.shutdown(2)
    asking.join()
    ollama.quiet()  # the fake saw its connection close: nobody waits the 60 s
    leaving.close()


def test_a_model_that_keeps_failing_is_left_alone_and_comes_back_by_itself(
    client: httpx.Client, ollama: FakeOllama
) -> None:
    ollama.faults = Faults(error_after=0)
    for _ in range(3):
        assert client.post("/v1/query", json=WHOLE).json()["degraded"] == ["model"]
    assert _metric(client, "cairn_model_breaker_open") == 1
    asked = len(ollama.prompts)
    ollama.faults = Faults()
    alone = client.post("/v1/query", json=WHOLE).json()
    assert (alone["degraded"], alone["model"]) == (["model"], "extractive")
    assert "28" in alone["text"]
    assert len(ollama.prompts) == asked
    _until(lambda: client.post("/v1/query", json=WHOLE).json()["degraded"] == [])
    assert _metric(client, "cairn_model_breaker_open") == 0
