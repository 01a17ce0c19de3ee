"""What peers get wrong when something fails late, comes twice, or is asked for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from tests.e2e.server import Server, events, finished, running, upload
from tests.fakes import ollama
from tests.fakes.ollama import FakeOllama

SHARED = "The harbour master rings the bell at noon, and every boat answers."


@pytest.fixture(scope="module")
def model() -> Iterator[FakeOllama]:
    with ollama.running(FakeOllama(models=("nomic-embed-text:latest",))) as fake:
        yield fake


@pytest.fixture(scope="module")
def server(model: FakeOllama, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {
        "CAIRN_OLLAMA_URL": model.url,
        "CAIRN_EMBEDDING_MODEL": "nomic-embed-text",
        "CAIRN_RETRY_WAIT_S": "0.5",
        "CAIRN_STEP_RETRIES": "20",
    }
    with running(tmp_path_factory.mktemp("data"), **settings) as started:
        yield started


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as http:
        yield http


def _note(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "harbour.md"
    path.write_text(f"# Harbour\n\n{text}\n")
    return path


def test_a_late_failure_repeats_its_own_step_alone_and_says_when(
    client: httpx.Client, model: FakeOllama, tmp_path: Path
) -> None:
    finished(client, upload(client, _note(tmp_path / "first", "The early ferry leaves at six."))["job_id"])
    model.faults.refuse = True
    document = upload(client, _note(tmp_path, "The late ferry leaves at nine."))
    for name, data, _ in events(client, "GET", f"/v1/jobs/{document['job_id']}/events"):
        if name == "step.retrying" and data["attempt"] == 2:
            break
    waiting = client.get(f"/v1/jobs/{document['job_id']}").json()
    model.faults.refuse = False
    job = finished(client, document["job_id"])
    assert data["step"] == "embed-batch-0"
    assert (data["code"], bool(data["detail"])) == ("model_unavailable", True)
    assert datetime.fromisoformat(data["retry_at"]) > datetime.fromisoformat(data["at"])
    assert waiting["status"] == "running"
    assert waiting["error"]["code"] == "model_unavailable"
    attempts = {step["id"]: step["attempts"] for step in job["steps"]}
    assert attempts.pop("embed-batch-0") >= 3
    assert set(attempts.values()) == {1}, "what was done before was done again"
    assert job["error"] is None


def test_files_of_one_name_and_one_text_are_two_documents_and_each_keeps_its_source(
    client: httpx.Client, tmp_path: Path
) -> None:
    both = [
        upload(client, _note(tmp_path / mark, f"{SHARED}\n\n## {mark}\n\nMark {mark}.")) for mark in ("red", "blue")
    ]
    for each in both:
        finished(client, each["job_id"])
    first, second = (each["document_id"] for each in both)
    assert first != second
    assert _sources(client) >= {first, second}
    finished(client, client.delete(f"/v1/documents/{first}").json()["job_id"])
    assert _sources(client) & {first, second} == {second}


def test_deleting_nothing_deletes_nothing(client: httpx.Client) -> None:
    before = [each["id"] for each in client.get("/v1/documents").json()["documents"]]
    for path in ("/v1/documents", "/v1/documents/", "/v1/documents/%20", "/v1/documents/*"):
        assert client.delete(path).status_code in (307, 404, 405, 422), path
    after = [each["id"] for each in client.get("/v1/documents").json()["documents"]]
    assert before == after


def _sources(client: httpx.Client) -> set[str]:
    found = client.post("/v1/search", json={"query": "When does the harbour master ring the bell?", "top_k": 20}).json()
    assert found["degraded"] == []
    return {passage["document_id"] for passage in found["passages"] if SHARED in passage["text"]}
