"""One trace from a request to the model's last word, or to a document's last step; and none where nobody asked for one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.server import KEY, Server, finished, running, upload
from tests.fakes import collector, ollama
from tests.fakes.collector import Collector, Span
from tests.fakes.ollama import FakeOllama

TEXT = "The zanzibar canteen opens at nine o'clock and serves mulligatawny to everybody who asks for it."
QUESTION = "When does the zanzibar canteen open?"
INGEST = (
    *("parse-document", "redact-pii", "chunk-document", "upsert-index", "activate-version", "invalidate-caches"),
    *("clean-up", "close-job"),
)
OUTSIDE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Collector]:
    with collector.running() as started:
        yield started


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, receiver: Collector) -> Iterator[Server]:
    fake = FakeOllama()
    folder = tmp_path_factory.mktemp("traced")
    settings = {"CAIRN_OTLP_URL": receiver.url, "CAIRN_OLLAMA_URL": fake.url, "CAIRN_LOG_FORMAT": "json"}
    with ollama.running(fake):
        settings["CAIRN_OLLAMA_URL"] = fake.url
        with running(folder / "data", **settings) as started:
            yield started


@pytest.fixture(scope="module")
def spans(server: Server, receiver: Collector, tmp_path_factory: pytest.TempPathFactory) -> list[Span]:
    """Of one upload, one question and one search from a caller with a trace of its own."""
    note = tmp_path_factory.mktemp("notes") / "secret-plan-of-anna.md"
    note.write_text(f"# Canteen\n\n{TEXT}\n")
    with server.client() as client:
        finished(client, upload(client, note)["job_id"])
        answer = client.post("/v1/query", json={"query": QUESTION, "stream": False}).json()
        assert answer["citations"]
        client.post("/v1/search", json={"query": QUESTION}, headers={"traceparent": OUTSIDE}).raise_for_status()
        client.get("/metrics").raise_for_status()
    wanted = {"POST /v1/documents", "POST /v1/query", "POST /v1/search", "step close-job"}
    return receiver.wait(lambda found: wanted <= {span.name for span in found})


def one(spans: list[Span], name: str, trace_id: str | None = None) -> Span:
    (found,) = [span for span in spans if span.name == name and trace_id in (None, span.trace_id)]
    return found


def under(spans: list[Span], root: Span) -> set[str]:
    """Names of all that is below it."""
    children = [span for span in spans if span.parent_id == root.span_id]
    return {span.name for span in children}.union(*(under(spans, each) for each in children))


def test_a_document_is_one_trace_from_its_upload_to_its_last_step(spans: list[Span]) -> None:
    request = one(spans, "POST /v1/documents")
    assert request.parent_id == ""
    assert request.facts["http.response.status_code"] == 202
    event = one(spans, "send rag/document.uploaded")
    assert (event.trace_id, event.parent_id) == (request.trace_id, request.span_id)
    steps = [one(spans, f"step {name}") for name in INGEST]
    assert {(step.trace_id, step.parent_id) for step in steps} == {(request.trace_id, event.span_id)}
    (run_id,) = {step.facts["cairn.run_id"] for step in steps}
    assert run_id
    assert {step.facts["cairn.tenant"] for step in steps} == {"main"}
    batch = one(spans, "step embed-batch-0")
    assert (batch.trace_id, batch.parent_id) == (request.trace_id, event.span_id)
    assert batch.facts["cairn.run_id"] not in ("", run_id), "a function of its own"
    assert under(spans, batch) == {"embeddings all-MiniLM-L6-v2"}


def test_a_question_is_one_trace_from_its_request_to_the_model(spans: list[Span]) -> None:
    request = one(spans, "POST /v1/query")
    assert request.parent_id == ""
    below = under(spans, request)
    assert {"answer", "retrieve", "search vectors", "search keywords", "chat gemma3:4b", "read place again"} <= below
    retrieve = one(spans, "retrieve", request.trace_id)
    assert {"search vectors", "search keywords"} <= under(spans, retrieve)
    assert one(spans, "chat gemma3:4b").facts["cairn.outcome"] == "answered"
    assert one(spans, "answer").facts["cairn.citations"] == 1


def test_a_trace_that_began_elsewhere_goes_on(spans: list[Span]) -> None:
    _, trace_id, parent_id, _ = OUTSIDE.split("-")
    request = one(spans, "POST /v1/search")
    assert (request.trace_id, request.parent_id) == (trace_id, parent_id)


def test_nothing_that_anybody_wrote_is_in_a_trace(spans: list[Span], receiver: Collector) -> None:
    said = json.dumps([[span.name, span.facts, span.error] for span in spans]).lower()
    assert "cairn.run_id" in said
    for secret in ("zanzibar", "mulligatawny", "anna", KEY):
        assert secret.lower() not in said
    assert not {span.name for span in spans} & {"GET /metrics", "GET /readyz", "POST /api/inngest"}
    assert {resource["service.name"] for resource in receiver.resources} == {"cairn"}


def test_log_lines_say_which_trace_and_tenant_they_are_of(spans: list[Span], server: Server) -> None:
    trace_id = one(spans, "POST /v1/documents").trace_id
    lines = [json.loads(line) for line in (server.data_dir / "server.log").read_text().splitlines() if line[:1] == "{"]
    ended = [line for line in lines if line["event"] == "job.step_succeeded"]
    assert len(ended) == len(INGEST)  # and embed-batch-0, and without close-job
    assert {(line["trace_id"], line["tenant"]) for line in ended} == {(trace_id, "main")}


def test_a_refusal_is_marked_with_its_code(server: Server, receiver: Collector) -> None:
    with server.client() as client:
        assert client.get("/v1/documents/doc_none").status_code == 404
    found = receiver.wait(lambda spans: any(span.name == "GET /v1/documents/{document_id}" for span in spans))
    assert one(found, "GET /v1/documents/{document_id}").facts["http.response.status_code"] == 404


def test_a_collector_that_does_not_answer_is_waited_for_by_nobody(tmp_path: Path) -> None:
    note = tmp_path / "note.md"
    note.write_text(f"# Canteen\n\n{TEXT}\n")
    with (
        collector.silent() as (url, connections),
        running(tmp_path / "data", CAIRN_OTLP_URL=url) as server,
        server.client() as client,
    ):
        finished(client, upload(client, note)["job_id"])
        while not connections():  # until it has been tried, and hangs
            assert client.post("/v1/search", json={"query": QUESTION}).json()["passages"]
        for _ in range(20):
            assert client.post("/v1/query", json={"query": QUESTION, "stream": False}).json()["citations"]
        # and it stops in time, or `running` fails
    assert (server.data_dir / "server.log").read_text().count("traces.collector_away") == 1


def test_without_the_setting_nothing_is_sent_and_logs_have_their_traces(tmp_path: Path) -> None:
    note = tmp_path / "note.md"
    note.write_text(f"# Canteen\n\n{TEXT}\n")
    with collector.running() as receiver:
        settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "CAIRN_LOG_FORMAT": "json"}
        with running(tmp_path / "data", **settings) as server, server.client() as client:
            finished(client, upload(client, note)["job_id"])
            log = (server.data_dir / "server.log").read_text()
        assert receiver.spans == []
    assert len({json.loads(line)["trace_id"] for line in log.splitlines() if "job.step_succeeded" in line}) == 1
