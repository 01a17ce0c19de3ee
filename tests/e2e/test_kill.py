"""`kill -9` in the middle of an ingest: after a start, the job finishes as if nothing had happened."""

from __future__ import annotations

import sqlite3
from collections import Counter
from pathlib import Path

import chromadb
import httpx
import pytest
from chromadb.config import Settings as ChromaSettings

from tests.e2e.server import Server, events, finished, upload

KILL_AFTER = ["parse-document", "redact-pii", "chunk-document", "embed-batch-0", "embed-batch-1", "upsert-index"]


@pytest.fixture(scope="module")
def long_note(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough text for several batches of embeddings."""
    path = tmp_path_factory.mktemp("notes") / "long.md"
    sections = []
    for number in range(170):
        sentences = " ".join(
            f"Instrument {number}-{line} of the observatory measures quantity {line * 7 + number} in room {number}."
            for line in range(12)
        )
        sections.append(f"## Room {number}\n\n{sentences}\n")
    path.write_text("# Inventory\n\n" + "\n".join(sections))
    return path


@pytest.mark.parametrize("step", KILL_AFTER)
def test_no_step_with_a_result_runs_again_and_no_chunk_is_missing_or_double(
    tmp_path: Path, long_note: Path, step: str
) -> None:
    server = Server(tmp_path / "data").start()
    with server.client() as client:
        document = upload(client, long_note)
        for name, data, _ in events(client, "GET", f"/v1/jobs/{document['job_id']}/events"):
            if name == "step.completed" and data["step"] == step:
                server.kill()
                break
    before = _attempts_of_finished_steps(server, document["job_id"])
    assert step in before

    server.start()
    try:
        with server.client() as client:
            job = finished(client, document["job_id"])
            ids = _chunk_ids(client, document["document_id"])
    finally:
        server.stop()

    after = {each["id"]: each["attempts"] for each in job["steps"]}
    again = {name for name, attempts in before.items() if after[name] != attempts}
    assert again <= {step}, "a step's result was recorded, and yet it ran again"
    assert max(Counter(ids).values()) == 1
    assert set(ids) == _vector_ids(server) == _keyword_ids(server)
    assert len(ids) == job_output(job, "chunk-document", "chunks")


def test_a_kill_right_after_the_answer_loses_nothing(tmp_path: Path, long_note: Path) -> None:
    server = Server(tmp_path / "data").start()
    with server.client() as client:
        document = upload(client, long_note)
        server.kill()
    server.start()
    try:
        with server.client() as client:
            finished(client, document["job_id"])
    finally:
        server.stop()


def job_output(job: dict[str, list[dict[str, dict[str, object]]]], step: str, fact: str) -> object:
    return next(each["output"][fact] for each in job["steps"] if each["id"] == step)  # type: ignore[comparison-overlap]


def _attempts_of_finished_steps(server: Server, job_id: str) -> dict[str, int]:
    with sqlite3.connect(server.data_dir / "catalog.sqlite3") as catalog:
        query = "SELECT step_id, attempts FROM job_steps WHERE job_id = ? AND status = 'succeeded'"
        return dict(catalog.execute(query, (job_id,)).fetchall())


def _chunk_ids(client: httpx.Client, document_id: str) -> list[str]:
    ids: list[str] = []
    cursor = ""
    while cursor is not None:
        query = f"limit=200&cursor={cursor}" if cursor else "limit=200"
        page = client.get(f"/v1/documents/{document_id}/chunks?{query}").json()
        ids += [chunk["id"] for chunk in page["chunks"]]
        cursor = page["next_cursor"]
    return ids


def _vector_ids(server: Server) -> set[str]:
    settings = ChromaSettings(anonymized_telemetry=False)
    client = chromadb.PersistentClient(path=str(server.data_dir / "chroma"), settings=settings)
    return {each for collection in client.list_collections() for each in collection.get(include=[])["ids"]}


def _keyword_ids(server: Server) -> set[str]:
    with sqlite3.connect(server.data_dir / "catalog.sqlite3") as catalog:
        return {row[0] for row in catalog.execute("SELECT chunk_id FROM keyword_rows")}
