"""From a file to a cited answer, over HTTP, on the real parts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from app.adapters.sql import SqlCatalog
from app.cli.handbook import QUESTION
from pipelines.domain.jobs import JobStatus
from tests.e2e.server import Server, events, finished, upload

STEPS = [
    "parse-document",
    "redact-pii",
    "chunk-document",
    "embed-batch-0",
    "upsert-index",
    "activate-version",
    "invalidate-caches",
    "clean-up",
]


def test_each_step_succeeds_once_and_says_what_it_did(client: httpx.Client, ingested: dict[str, str]) -> None:
    job = client.get(f"/v1/jobs/{ingested['job_id']}").json()
    assert [step["id"] for step in job["steps"]] == STEPS
    assert {step["status"] for step in job["steps"]} == {"succeeded"}
    assert {step["attempts"] for step in job["steps"]} == {1}
    outputs = {step["id"]: step["output"] for step in job["steps"]}
    document = client.get(f"/v1/documents/{ingested['document_id']}").json()
    assert outputs["parse-document"]["pages"] == document["latest_version"]["pages"]
    assert (
        outputs["chunk-document"]["chunks"] == document["latest_version"]["chunks"] == outputs["upsert-index"]["chunks"]
    )
    assert document["status"] == "ready"


def test_a_job_says_how_many_steps_it_takes_before_it_has_taken_them(
    server: Server, client: httpx.Client, ingested: dict[str, str], tmp_path: Path
) -> None:
    note = tmp_path / "note.md"
    note.write_text("# Note\n\nText that goes again.\n")
    document = upload(client, note)
    finished(client, document["job_id"])
    deletion = client.delete(f"/v1/documents/{document['document_id']}").json()["job_id"]
    finished(client, deletion)
    catalog = SqlCatalog(f"sqlite:///{server.data_dir / 'catalog.sqlite3'}")
    catalog.open()
    with catalog.read() as uow:
        found = [uow.jobs.find(job_id) for job_id in (ingested["job_id"], deletion)]
    catalog.close()
    for job in filter(None, found):
        assert replace(job, status=JobStatus.RUNNING).steps_total == len(job.steps) == job.steps_done
    assert all(found)


def test_a_passage_shows_its_place(client: httpx.Client, ingested: dict[str, str]) -> None:
    passages = client.post("/v1/search", json={"query": QUESTION}).json()["passages"]
    assert passages[0]["document_id"] == ingested["document_id"]
    assert passages[0]["boxes"]
    assert passages[0]["page_start"] <= passages[0]["boxes"][0]["page"] <= passages[0]["page_end"]
    assert passages == sorted(passages, key=lambda passage: -passage["score"])


def test_the_streamed_answer_cites_words_that_stand_there(client: httpx.Client, ingested: dict[str, str]) -> None:
    seen = list(events(client, "POST", "/v1/query", json={"query": QUESTION}))
    names = [name for name, _, _ in seen]
    assert names[0] == "passages"
    assert names[-1] == "answer"
    answer = seen[-1][1]
    assert "".join(data["text"] for name, data, _ in seen if name == "delta").strip() == answer["text"].strip()
    assert [data for name, data, _ in seen if name == "citation"] == answer["citations"]
    _assert_quotes_stand_in_chunks(client, ingested["document_id"], answer)


def test_the_same_answer_comes_whole(client: httpx.Client, ingested: dict[str, str]) -> None:
    answer = client.post("/v1/query", json={"query": QUESTION, "stream": False}).json()
    assert answer["grounded"]
    assert not answer["abstained"]
    assert answer["model"] == "extractive"
    assert answer["degraded"] == []
    _assert_quotes_stand_in_chunks(client, ingested["document_id"], answer)


def test_what_the_documents_do_not_say_is_not_answered(client: httpx.Client, ingested: dict[str, str]) -> None:
    body = {"query": "Which enzyme unwinds the double helix during replication?", "stream": False}
    answer = client.post("/v1/query", json=body).json()
    assert answer["abstained"]
    assert answer["citations"] == []


def test_personal_data_is_redacted_in_all_that_is_indexed(client: httpx.Client, ingested: dict[str, str]) -> None:
    chunks = client.get(f"/v1/documents/{ingested['document_id']}/chunks?limit=200").json()["chunks"]
    text = "\n".join(chunk["text"] for chunk in chunks)
    assert "4111 1111 1111 1111" not in text
    assert "@example.org" not in text
    counts = client.get(f"/v1/documents/{ingested['document_id']}").json()["latest_version"]["pii_counts"]
    assert sum(counts.values()) > 0


def test_running_headers_are_not_indexed(client: httpx.Client, ingested: dict[str, str]) -> None:
    chunks = client.get(f"/v1/documents/{ingested['document_id']}/chunks?limit=200").json()["chunks"]
    firsts = [chunk["text"].splitlines()[0] for chunk in chunks]
    assert len(firsts) == len(set(firsts))


def test_the_original_comes_back_byte_for_byte(client: httpx.Client, ingested: dict[str, str], handbook: Path) -> None:
    response = client.get(f"/v1/documents/{ingested['document_id']}/content")
    assert response.content == handbook.read_bytes()
    assert response.headers["content-type"] == "application/pdf"


def test_a_followed_job_can_be_resumed_where_it_was_left(client: httpx.Client, ingested: dict[str, str]) -> None:
    path = f"/v1/jobs/{ingested['job_id']}/events"
    everything = list(events(client, "GET", path))
    assert everything[-1][0] == "job.succeeded"
    middle = everything[len(everything) // 2][2]
    rest = list(events(client, "GET", path, headers={"Last-Event-ID": middle}))
    assert rest == everything[len(everything) // 2 + 1 :]


def test_a_deleted_document_is_gone_at_once_and_then_entirely(
    server: Server, client: httpx.Client, tmp_path: Path
) -> None:
    note = tmp_path / "note.md"
    note.write_text("# Penguins\n\nThe zanzibarbeast penguin lives in the cellar of the observatory.\n")
    document = upload(client, note)
    finished(client, document["job_id"])
    query = {"query": "Where does the zanzibarbeast penguin live?"}
    assert _documents_found(client, query) >= {document["document_id"]}

    deleted = client.delete(f"/v1/documents/{document['document_id']}")

    assert deleted.status_code == 202
    assert document["document_id"] not in _documents_found(client, query)
    assert client.get(f"/v1/documents/{document['document_id']}").status_code == 404
    finished(client, deleted.json()["job_id"])
    assert not list((server.data_dir / "files").rglob(f"*{document['version_id']}*"))


def test_metrics_and_health_need_no_key(server: Server) -> None:
    with server.client(key=None) as anyone:
        assert anyone.get("/healthz").json() == {"status": "ok"}
        assert anyone.get("/readyz").json()["ready"] is True
        assert "cairn_http_requests_total" in anyone.get("/metrics").text


def _documents_found(client: httpx.Client, query: dict[str, str]) -> set[str]:
    return {passage["document_id"] for passage in client.post("/v1/search", json=query).json()["passages"]}


def _assert_quotes_stand_in_chunks(client: httpx.Client, document_id: str, answer: dict[str, Any]) -> None:
    assert answer["citations"]
    chunks = client.get(f"/v1/documents/{document_id}/chunks?limit=200").json()["chunks"]
    by_id = {chunk["id"]: chunk for chunk in chunks}
    for citation in answer["citations"]:
        chunk = by_id[citation["chunk_id"]]
        first = citation["start"] - chunk["start"]
        assert chunk["text"][first : first + len(citation["quote"])] == citation["quote"]
        assert citation["page"] in {box["page"] for box in chunk["boxes"]}
        assert citation["boxes"]
