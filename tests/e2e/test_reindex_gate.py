"""A new build goes live only when it is as good as the one that answers: a bad embedder never does."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.server import Server, events, finished, running, upload
from tests.e2e.test_reindex import NEW, _chunk_ids, _note, _reindex, _take_in, _vectors
from tests.fakes import ollama

NAMES = ["alpha", "beta", "gamma"]
BAD = "ollama/nomic-embed-text"
QUESTIONS = [
    {
        "question": f"What does instrument {name}-{room}-{line} measure?",
        "evidence": [{"document": f"{name}.md", "quote": f"Instrument {name}-{room}-{line} of the observatory"}],
    }
    for name in NAMES
    for room in (1, 4)
    for line in (3, 15)
]


def _random(text: str) -> list[float]:
    dice = random.Random(random.random())
    return [dice.gauss(0, 1) for _ in range(ollama.DIMENSIONS)]


BAD_EMBEDDERS: dict[str, Callable[[str], list[float]]] = {
    "the same for every text": lambda _: [1.0] * ollama.DIMENSIONS,
    "noise": _random,
    "no numbers": lambda _: [math.nan] * ollama.DIMENSIONS,
    "nothing": lambda _: [0.0] * ollama.DIMENSIONS,
    "only the length": lambda text: [1.0, len(text) / 1_000] + [0.0] * (ollama.DIMENSIONS - 2),
}


@pytest.fixture
def fake() -> Iterator[ollama.FakeOllama]:
    with ollama.running(ollama.FakeOllama(models=("nomic-embed-text:latest",))) as started:
        yield started


@pytest.fixture
def server(tmp_path: Path, fake: ollama.FakeOllama) -> Iterator[Server]:
    with running(tmp_path / "data", CAIRN_OLLAMA_URL=fake.url, CAIRN_STEP_RETRIES="1") as started:
        yield started


def _put_golden(client: httpx.Client, questions: list[dict[str, Any]] = QUESTIONS) -> None:
    body = "\n".join(json.dumps(question) for question in questions)
    put = client.put("/v1/collections/default/golden", content=body)
    assert (put.status_code, put.json()) == (200, {"questions": len(questions)}), put.text


def _ids(client: httpx.Client, documents: dict[str, dict[str, Any]]) -> set[str]:
    return set().union(*(_chunk_ids(client, each["document_id"]) for each in documents.values()))


@pytest.mark.parametrize("golden", [True, False], ids=["golden set", "no golden set"])
@pytest.mark.parametrize("kind", BAD_EMBEDDERS)
def test_a_bad_embedder_never_goes_live(
    server: Server, fake: ollama.FakeOllama, tmp_path: Path, kind: str, golden: bool
) -> None:
    with server.client() as client:
        documents = _take_in(client, tmp_path, NAMES)
        if golden:
            _put_golden(client)
        asked = {"query": "What does instrument beta-4-15 measure?"}
        before = client.post("/v1/search", json=asked).json()["passages"]
        fake.embeds = BAD_EMBEDDERS[kind]
        job = finished(client, _reindex(client, embedding_model=BAD), "failed")
        assert job["error"]["code"] in {"reindex_worse", "model_unavailable"}, job["error"]
        assert client.get("/v1/collections/default").json()["embedding_model"] == "all-MiniLM-L6-v2"
        assert client.post("/v1/search", json=asked).json()["passages"] == before
        ids = _ids(client, documents)
        if (
            job["error"]["code"] == "model_unavailable"
        ):  # what was built stays for a retry, and another request drops it
            fake.embeds = None
            finished(client, _reindex(client))
    assert _vectors(server) == [ids], "something of the refused build is left"


def test_a_build_that_is_as_good_goes_live_and_says_how_good(server: Server, tmp_path: Path) -> None:
    with server.client() as client:
        documents = _take_in(client, tmp_path, NAMES)
        _put_golden(client)
        job = finished(client, _reindex(client, chunker=NEW))
        (figures,) = [step["output"] for step in job["steps"] if step["id"] == "evaluate-builds"]
        assert (figures["refused"], figures["questions"]) == ("", len(QUESTIONS))
        assert float(figures["recall_after"]) >= float(figures["recall_before"]) - 0.02
        assert client.get("/v1/collections/default").json()["chunker"] == NEW
        ids = _ids(client, documents)
    assert _vectors(server) == [ids]


def test_a_kill_after_the_verdict_changes_nothing_about_it(
    server: Server, fake: ollama.FakeOllama, tmp_path: Path
) -> None:
    with server.client() as client:
        documents = _take_in(client, tmp_path, NAMES)
        fake.embeds = BAD_EMBEDDERS["noise"]
        job_id = _reindex(client, embedding_model=BAD)
        for name, data, _ in events(client, "GET", f"/v1/jobs/{job_id}/events"):
            if name == "step.completed" and data["step"] == "evaluate-builds":
                server.kill()
                break
    server.start()
    with server.client() as client:
        assert finished(client, job_id, "failed")["error"]["code"] == "reindex_worse"
        ids = _ids(client, documents)
    assert _vectors(server) == [ids]


def test_a_golden_set_is_kept_given_back_and_removed(server: Server) -> None:
    with server.client() as client:
        _put_golden(client)
        lines = client.get("/v1/collections/default/golden").text.splitlines()
        assert [json.loads(line) for line in lines] == QUESTIONS
        refused = client.put("/v1/collections/default/golden", content=b'{"question": "Q"}')
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_golden_set")
        assert "Line 1" in refused.json()["detail"]
        assert client.put("/v1/collections/default/golden", content=b"\xff\xfe").status_code == 400
        assert client.put("/v1/collections/none/golden", content=b"{}").status_code in (400, 404)
        assert len(client.get("/v1/collections/default/golden").text.splitlines()) == len(QUESTIONS)
        assert client.delete("/v1/collections/default/golden").status_code == 204
        assert client.get("/v1/collections/default/golden").text == ""
        note = _note(server.data_dir.parent, "solo", 1)
        finished(client, upload(client, note)["job_id"])
