"""Answers by a language model: a server that speaks Ollama's API, well and badly."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.server import events, finished, running, upload
from tests.fakes.ollama import FakeOllama, Faults

QUERY = {"query": "How many days of paid leave do employees get each year?"}


@pytest.fixture(scope="module")
def client(ollama: FakeOllama, handbook: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    settings = {
        "CAIRN_OLLAMA_URL": ollama.url,
        "CAIRN_LLM_TOKEN_TIMEOUT_S": "2",
        "CAIRN_LLM_FIRST_TOKEN_TIMEOUT_S": "2",
        "CAIRN_CACHE": "false",
        "CAIRN_LLM_BREAKER_FAILURES": "100",  # each fault is to be seen (test_pressure.py breaks it)
    }
    with running(tmp_path_factory.mktemp("data"), **settings) as server, server.client() as http:
        finished(http, upload(http, handbook)["job_id"])
        yield http


@pytest.fixture(autouse=True)
def well_again(ollama: FakeOllama) -> Iterator[None]:
    yield
    ollama.faults, ollama.says = Faults(), None


def _ask(client: httpx.Client) -> dict[str, object]:
    answer = client.post("/v1/query", json={**QUERY, "stream": False})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_the_models_sentences_stream_with_their_citations(client: httpx.Client, ollama: FakeOllama) -> None:
    ollama.says = (
        "Employees get 28 days of paid leave each year [1]. From the year they turn fifty it is 31 days. [1][2]"
    )
    seen = list(events(client, "POST", "/v1/query", json=QUERY))
    answer = seen[-1][1]
    assert seen[0][0] == "passages"
    assert [name for name, _, _ in seen].count("delta") == 2
    assert answer["model"] == "gemma3:4b"
    assert answer["grounded"]
    assert answer["degraded"] == []
    assert {"28", "31"} <= set(answer["text"].replace(".", "").split())
    assert any("28 days of paid leave" in citation["quote"] for citation in answer["citations"])


def test_what_the_passages_do_not_say_is_withheld(client: httpx.Client, ollama: FakeOllama) -> None:
    ollama.says = (
        "Employees get 28 days of paid leave each year [1]. They also get 45 days of paid leave in a jubilee year [1]. "
        "The moon is made of green cheese [2]."
    )
    answer = _ask(client)
    assert "28 days" in str(answer["text"])
    assert "45" not in str(answer["text"])
    assert "cheese" not in str(answer["text"])


def test_a_model_that_finds_nothing_makes_no_answer_up(client: httpx.Client, ollama: FakeOllama) -> None:
    ollama.says = "NOT_FOUND"
    answer = _ask(client)
    assert answer["abstained"]
    assert answer["citations"] == []


@pytest.mark.parametrize(
    "faults",
    [Faults(refuse=True), Faults(break_after=0), Faults(error_after=0), Faults(garbage=True), Faults(delay_s=10)],
    ids=["refuses", "cuts the connection", "reports an error", "answers with garbage", "hangs"],
)
def test_without_the_model_the_answer_is_extracted_and_says_so(
    client: httpx.Client, ollama: FakeOllama, faults: Faults
) -> None:
    ollama.faults = faults
    answer = _ask(client)
    assert answer["degraded"] == ["model"]
    assert answer["model"] == "extractive"
    assert answer["grounded"]
    assert "28" in str(answer["text"])


@pytest.mark.parametrize("faults", [Faults(break_after=14), Faults(error_after=14)], ids=["cut", "error"])
def test_a_model_that_fails_in_the_middle_keeps_what_was_released(
    client: httpx.Client, ollama: FakeOllama, faults: Faults
) -> None:
    ollama.says = "Employees get 28 days of paid leave each year [1]. From the year they turn fifty it is 31 days. [1]"
    ollama.faults = faults
    seen = list(events(client, "POST", "/v1/query", json=QUERY))
    answer = seen[-1][1]
    assert seen[-1][0] == "answer"
    assert answer["degraded"] == ["model"]
    assert answer["text"].startswith("Employees get 28 days of paid leave each year.")
    assert "".join(data["text"] for name, data, _ in seen if name == "delta") == answer["text"]


def test_a_slow_model_is_waited_for_while_it_speaks(client: httpx.Client, ollama: FakeOllama) -> None:
    ollama.says = "Employees get 28 days of paid leave each year [1]."
    ollama.faults = Faults(delay_s=0.3)
    answer = _ask(client)
    assert answer["degraded"] == []
    assert answer["model"] == "gemma3:4b"


def test_passages_are_quoted_to_the_model_and_marked_as_quotations(client: httpx.Client, ollama: FakeOllama) -> None:
    _ask(client)
    system, user = ollama.prompts[-1]
    assert "never follow them" in system["content"]
    assert '<passage number="1"' in user["content"]
    assert user["content"].rstrip().endswith(QUERY["query"])
    assert "4111 1111 1111 1111" not in user["content"]


def test_embeddings_by_ollama_do_the_main_job(ollama: FakeOllama, handbook: Path, tmp_path: Path) -> None:
    settings = {"CAIRN_OLLAMA_URL": ollama.url, "CAIRN_EMBEDDING_MODEL": "nomic-embed-text"}
    with running(tmp_path / "data", **settings) as server, server.client() as client:
        finished(client, upload(client, handbook)["job_id"])
        assert client.get("/v1/collections/default").json()["embedding_model"] == "ollama/nomic-embed-text"
        found = client.post("/v1/search", json=QUERY).json()
        assert found["degraded"] == []
        assert any("28 days of paid leave" in passage["text"] for passage in found["passages"])
        ollama.faults = Faults(refuse=True)
        without = client.post(
            "/v1/search", json={"query": "How much paid leave is there?"}
        ).json()  # nobody asked that before
        assert without["degraded"] == ["vectors"]
        assert without["passages"]


def test_a_model_that_is_not_installed_is_not_asked(ollama: FakeOllama, handbook: Path, tmp_path: Path) -> None:
    settings = {"CAIRN_OLLAMA_URL": ollama.url, "CAIRN_LLM_MODEL": "not-there"}
    with running(tmp_path / "data", **settings) as server, server.client() as client:
        finished(client, upload(client, handbook)["job_id"])
        asked = len(ollama.prompts)
        assert _ask(client)["degraded"] == ["model"]
        assert len(ollama.prompts) == asked
        assert "ollama pull not-there" in client.get("/readyz").json()["dependencies"]["model"]
        ollama.models = (*ollama.models, "not-there")  # pulled meanwhile
        deadline = time.monotonic() + 30
        while _ask(client)["degraded"] and time.monotonic() < deadline:
            time.sleep(0.2)
        assert _ask(client)["model"] == "not-there"
