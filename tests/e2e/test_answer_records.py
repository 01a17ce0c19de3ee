"""An answer can be looked up and asked for again, and any difference has a name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.server import finished, running, upload
from tests.fakes.ollama import FakeOllama

QUESTION = {"query": "Who is the keeper of the lighthouse?", "stream": False}


@pytest.fixture(scope="module")
def client(ollama: FakeOllama, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    settings = {"CAIRN_OLLAMA_URL": ollama.url}
    with running(tmp_path_factory.mktemp("data"), **settings) as server, server.client() as http:
        yield http


def _lighthouse(client: httpx.Client, folder: Path, keeper: str, **fields: str) -> str:
    path = folder / "lighthouse.md"
    path.write_text(f"# Lighthouse\n\n{keeper} is the keeper of the eastern lighthouse since the year 1998.\n")
    sent = upload(client, path, **fields)
    finished(client, sent["job_id"])
    return str(sent["document_id"])


def _replay(client: httpx.Client, answer_id: str) -> dict[str, Any]:
    return dict(client.post(f"/v1/answers/{answer_id}/replay").raise_for_status().json())


def _causes(replay: dict[str, Any]) -> set[str]:
    return {each["cause"] for each in replay["drift"]}


def test_an_answer_is_kept_with_what_it_was_made_from_until_that_is_deleted(
    client: httpx.Client, ollama: FakeOllama, tmp_path: Path
) -> None:
    ollama.says = "Ada Quillfeather is the keeper of the eastern lighthouse [1]."
    document_id = _lighthouse(client, tmp_path, "Ada Quillfeather")
    answer = client.post("/v1/query", json=QUESTION).json()
    assert "Quillfeather" in answer["text"]

    kept = client.get(f"/v1/answers/{answer['id']}").json()
    assert kept["answer"] == answer
    assert kept["question"] == QUESTION["query"]
    manifest = kept["manifest"]
    assert (manifest["model"], manifest["model_digest"]) == ("gemma3:4b", "0")
    assert len(manifest["prompt_sha256"]) == 64
    assert [source["document_id"] for source in manifest["sources"] if source["given"]] == [document_id]

    same = _replay(client, answer["id"])
    assert (same["same"], same["drift"], same["sources"]) == (True, [], manifest["sources"])

    _lighthouse(client, tmp_path, "Bo Quillfeather", document_id=document_id)
    changed = _replay(client, answer["id"])
    assert not changed["same"]
    assert {"cause": "document_changed", "document_id": document_id} in changed["drift"]
    assert client.get(f"/v1/answers/{answer['id']}").json()["answer"] == answer  # what was said was said

    deleted = client.delete(f"/v1/documents/{document_id}").json()
    gone = client.get(f"/v1/answers/{answer['id']}")
    assert (gone.status_code, gone.json()["code"]) == (404, "answer_withdrawn")
    finished(client, deleted["job_id"])
    assert client.get(f"/v1/answers/{answer['id']}").json()["code"] == "answer_withdrawn"
    assert "document_deleted" in _causes(_replay(client, answer["id"]))


def test_nobody_sees_an_answer_that_is_not_there(client: httpx.Client) -> None:
    for method, path in (("GET", "/v1/answers/ans_0"), ("POST", "/v1/answers/ans_0/replay")):
        refused = client.request(method, path)
        assert (refused.status_code, refused.json()["code"]) == (404, "answer_not_found")
