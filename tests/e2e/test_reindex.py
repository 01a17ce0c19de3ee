"""A collection is built anew under other chunks or another model while it answers; then the new build answers alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import chromadb
import httpx
from chromadb.config import Settings as ChromaSettings

from pipelines.ingest.chunk import CHUNKER
from tests.e2e.server import Server, events, finished, running, upload
from tests.fakes import ollama

OLD, NEW = CHUNKER, "layout-200-1"
ASKED = {"query": "Which instrument measures the quantity of the observatory?", "top_k": 20}


def _note(folder: Path, name: str, sections: int = 6) -> Path:
    path = folder / f"{name}.md"
    parts = []
    for number in range(sections):
        lines = " ".join(
            f"Instrument {name}-{number}-{line} of the observatory measures quantity {line * 7 + number}."
            for line in range(20)
        )
        parts.append(f"## Room {number}\n\n{lines}\n")
    path.write_text(f"# Inventory {name}\n\n" + "\n".join(parts))
    return path


def _take_in(client: httpx.Client, folder: Path, names: list[str], **kinds: int) -> dict[str, dict[str, Any]]:
    documents = {name: upload(client, _note(folder, name, **kinds)) for name in names}
    for document in documents.values():
        finished(client, document["job_id"])
    return documents


def _reindex(client: httpx.Client, **wanted: str) -> str:
    response = client.post("/v1/collections/default/reindex", json=wanted)
    assert response.status_code == 202, response.text
    return str(response.json()["id"])


def _chunk_ids(client: httpx.Client, document_id: str) -> set[str]:
    page = client.get(f"/v1/documents/{document_id}/chunks?limit=200").json()
    assert page["next_cursor"] is None
    return {chunk["id"] for chunk in page["chunks"]}


def _vectors(server: Server) -> list[set[str]]:
    settings = ChromaSettings(anonymized_telemetry=False)
    client = chromadb.PersistentClient(path=str(server.data_dir / "chroma"), settings=settings)
    return [set(collection.get(include=[])["ids"]) for collection in client.list_collections()]


@contextmanager
def _searching(server: Server) -> Iterator[list[set[str]]]:
    """Searches without a pause from three threads; the chunk ids of each result. A refused search is in it as a set
    that no build has."""
    seen: list[set[str]] = []
    stop, begun = threading.Event(), threading.Event()

    def search() -> None:
        with server.client() as own:
            while not stop.is_set():
                response = own.post("/v1/search", json=ASKED)
                body = response.json()
                good = response.status_code == 200 and not body["degraded"]
                seen.append({each["chunk_id"] for each in body["passages"]} if good else {response.text})
                begun.set()

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        assert begun.wait(30)
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_searches_see_one_build_and_changes_meanwhile_come_out_right(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server, server.client() as client:
        documents = _take_in(client, tmp_path, ["alpha", "beta", "gamma"])
        ids = [documents[name]["document_id"] for name in ("alpha", "beta", "gamma")]
        before = set().union(*(_chunk_ids(client, each) for each in ids))
        with _searching(server) as seen:
            job_id = _reindex(client, chunker=NEW)
            assert _reindex(client, chunker=NEW) == job_id, "asked for twice, it runs once"
            added = upload(client, _note(tmp_path, "delta"))
            (tmp_path / "other").mkdir()
            replaced = upload(client, _note(tmp_path / "other", "beta", 5), document_id=ids[1])
            deletion = client.delete(f"/v1/documents/{ids[2]}").json()
            for each in (added["job_id"], replaced["job_id"], deletion["job_id"]):
                finished(client, each)
            job = finished(client, job_id)
        assert client.get("/v1/collections/default").json()["chunker"] == NEW
        left = [ids[0], ids[1], added["document_id"]]
        after = set().union(*(_chunk_ids(client, each) for each in left))
        final = client.post("/v1/search", json=ASKED).json()
        document = client.get(f"/v1/documents/{ids[1]}").json()
    steps = [step["id"] for step in job["steps"]]
    assert {"plan-generation", "build-page-0", "flip-0", "drop-old"} <= set(steps)
    assert document["active_version_id"] == replaced["version_id"]
    assert not before & after
    assert len(seen) > 20
    assert all(seen), "a search found nothing"
    mixed = [each for each in seen if each & after and not each <= after]
    assert not mixed, "a search saw both builds"
    assert {each["chunk_id"] for each in final["passages"]} <= after
    assert _vectors(server) == [after], "the old build, or what was deleted, is still among the vectors"


def test_a_kill_in_the_middle_costs_nothing_that_was_built(tmp_path: Path) -> None:
    server = Server(tmp_path / "data").start()
    names = [f"note{number:02}" for number in range(17)]
    with server.client() as client:
        documents = _take_in(client, tmp_path, names, sections=1)
        job_id = _reindex(client, chunker=NEW)
        for name, data, _ in events(client, "GET", f"/v1/jobs/{job_id}/events"):
            if name == "step.completed" and data["step"] == "build-page-0":
                server.kill()
                break
    server.start()
    try:
        with server.client() as client:
            job = finished(client, job_id)
            ids = set().union(*(_chunk_ids(client, each["document_id"]) for each in documents.values()))
    finally:
        server.stop()
    attempts = {step["id"]: step["attempts"] for step in job["steps"]}
    assert attempts["plan-generation"] == attempts["build-page-0"] == 1
    assert _vectors(server) == [ids]


def test_another_embedding_model_takes_over_and_is_asked_for_questions(tmp_path: Path) -> None:
    with (
        ollama.running(ollama.FakeOllama(models=("nomic-embed-text:latest",))) as fake,
        running(tmp_path / "data", CAIRN_OLLAMA_URL=fake.url) as server,
        server.client() as client,
    ):
        documents = _take_in(client, tmp_path, ["alpha"])
        ids = _chunk_ids(client, documents["alpha"]["document_id"])
        with _searching(server) as seen:
            finished(client, _reindex(client, embedding_model="ollama/nomic-embed-text"))
        found = client.get("/v1/collections/default").json()
        assert (found["embedding_model"], found["chunker"]) == ("ollama/nomic-embed-text", OLD)
        assert all(each and each <= ids for each in seen)
        fake.faults.refuse = True
        new = ASKED | {"query": "What was found so far is found again, and this is new."}
        assert client.post("/v1/search", json=new).json()["degraded"] == ["vectors"]
        fake.faults.refuse = False
        finished(client, _reindex(client))
        assert client.get("/v1/collections/default").json()["embedding_model"] == "all-MiniLM-L6-v2"
        refused = client.post("/v1/collections/default/reindex", json={"chunker": "no-such"})
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_request")
        refused = client.post("/v1/collections/nowhere/reindex", json={})
        assert refused.status_code == 404
    assert _vectors(server) == [ids]
