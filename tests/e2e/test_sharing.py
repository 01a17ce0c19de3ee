"""Who may read a document changes while it is there: for the next question, for what is kept, and for everything beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipelines.domain.erasure import erasure_id
from tests.e2e.server import KEY, ROOT, Server, finished, upload

QUESTION = "What is the code word of the harbour lamp?"


def _holder(server: Server, admin: httpx.Client, user: str, role: str = "reader", **more: Any) -> httpx.Client:
    made = admin.post("/v1/admin/keys", json={"name": user, "user": user, "roles": [role], **more})
    assert made.status_code == 201, made.text
    return server.client(made.json()["secret"])


@pytest.fixture(scope="module")
def people(server: Server, client: httpx.Client) -> Iterator[dict[str, httpx.Client]]:
    """An editor, a reader of finance, and one of no group."""
    clients = {
        "ada": _holder(server, client, "ada", "editor"),
        "fin": _holder(server, client, "fin", groups=["finance"]),
        "bob": _holder(server, client, "bob"),
    }
    yield clients
    for each in clients.values():
        each.close()


@pytest.fixture
def shared(people: dict[str, httpx.Client], tmp_path: Path) -> dict[str, Any]:
    """A document of ada's that finance may read."""
    secret = f"quill{uuid.uuid4().hex[:12]}"
    note = tmp_path / "lamp.md"
    note.write_text(f"# Lamp\n\nThe code word of the harbour lamp {secret[::-1]} is {secret}.\n")
    document = upload(people["ada"], note, readers="group:finance")
    return {**document, "job": finished(people["ada"], document["job_id"]), "secret": secret}


def _found(client: httpx.Client) -> set[str]:
    answer = client.post("/v1/search", json={"query": QUESTION}).json()
    return {passage["document_id"] for passage in answer["passages"]}


def _cites(client: httpx.Client) -> set[str]:
    answer = client.post("/v1/query", json={"query": QUESTION, "stream": False}).json()
    return {citation["document_id"] for citation in answer["citations"]}


def _share(client: httpx.Client, document: dict[str, Any], *readers: str) -> dict[str, Any]:
    changed = client.patch(f"/v1/documents/{document['document_id']}", json={"readers": list(readers)})
    assert changed.status_code == 200, changed.text
    return dict(changed.json())


def test_readers_change_for_the_next_question(people: dict[str, httpx.Client], shared: dict[str, Any]) -> None:
    id_ = shared["document_id"]
    for _ in range(2):  # the second is kept
        assert id_ in _found(people["fin"])
        assert id_ in _cites(people["fin"])
        assert id_ not in _found(people["bob"])
        assert id_ not in _cites(people["bob"])
    assert _share(people["ada"], shared, "user:bob")["readers"] == ["user:ada", "user:bob"]
    for _ in range(2):
        assert id_ in _found(people["bob"])
        assert id_ not in _found(people["fin"])
        assert id_ not in _cites(people["fin"])
    _share(people["ada"], shared, "group:finance")
    assert id_ in _cites(people["fin"])
    assert id_ not in _cites(people["bob"])


def _same(client: httpx.Client, method: str, path: str, known: str, unknown: str, **content: Any) -> None:
    """What is not to be seen answers to the letter as what is not there."""
    answers = [client.request(method, path.format(each), **content) for each in (known, unknown)]
    assert answers[0].status_code == answers[1].status_code == 404, answers[0].text
    assert answers[0].text.replace(known, "") == answers[1].text.replace(unknown, "")
    headers = [{**each.headers, "date": "", "content-length": "", "x-request-id": ""} for each in answers]
    assert headers[0] == headers[1]


def test_what_one_may_not_read_is_not_there(
    people: dict[str, httpx.Client], shared: dict[str, Any], client: httpx.Client
) -> None:
    secret, conversation = shared["secret"], people["fin"].post("/v1/conversations").json()["id"]
    asked = {
        "query": f"What is the code word of the harbour lamp {secret[::-1]}?",
        "stream": False,
        "conversation_id": conversation,
    }
    answer = people["fin"].post("/v1/query", json=asked).json()
    assert secret in people["fin"].get(f"/v1/conversations/{conversation}").text
    _share(people["ada"], shared, "user:ada")
    ids = shared["document_id"], "doc_" + "0" * 32
    jobs = shared["job_id"], "job_" + "0" * 32
    editor = client  # of the tenant, and no reader
    for who in (people["fin"], editor):
        for path in ("", "/content", "/pages/1.png", "/chunks", f"/content?version_id={shared['version_id']}"):
            _same(who, "GET", "/v1/documents/{}" + path, *ids)
        for path in ("", "/events"):
            _same(who, "GET", "/v1/jobs/{}" + path, *jobs)
        assert shared["job_id"] not in who.get("/v1/jobs").text
        assert who.get("/v1/jobs", params={"document_id": ids[0]}).json()["jobs"] == []
        assert ids[0] not in who.get("/v1/documents").text
    _same(editor, "DELETE", "/v1/documents/{}", *ids)
    _same(editor, "PATCH", "/v1/documents/{}", *ids, json={"title": "Mine"})
    _same(editor, "POST", "/v1/jobs/{}/retry", *jobs)
    _same(editor, "GET", "/v1/erasures/{}", erasure_id(ids[0]), erasure_id(ids[1]))
    assert secret not in people["fin"].get(f"/v1/conversations/{conversation}").text
    record = people["fin"].get(f"/v1/answers/{answer['id']}")
    assert secret not in record.text
    follow_up = people["fin"].post("/v1/query", json={**asked, "query": "And what else?"})
    assert secret not in follow_up.text


def test_a_title_changes_for_the_next_question(people: dict[str, httpx.Client], shared: dict[str, Any]) -> None:
    id_ = shared["document_id"]
    people["fin"].post("/v1/search", json={"query": QUESTION})
    renamed = people["ada"].patch(f"/v1/documents/{id_}", json={"title": "  Beacon rules "}).json()
    assert renamed["title"] == "Beacon rules"
    passages = people["fin"].post("/v1/search", json={"query": QUESTION}).json()["passages"]
    assert {each["title"] for each in passages if each["document_id"] == id_} == {"Beacon rules"}
    assert renamed["readers"] == ["group:finance", "user:ada"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"readers": []},
        {"readers": ["finance"]},
        {"readers": ["group:"]},
        {"readers": ["user:a\nb"]},
        {"readers": [","]},
        {"readers": [f"user:{number}" for number in range(501)]},
        {"title": " "},
        {"title": "x" * 501},
        {"readers": "everyone"},
        {"owner": "x"},
    ],
)
def test_a_change_that_cannot_be_is_refused(
    people: dict[str, httpx.Client], shared: dict[str, Any], body: dict[str, Any]
) -> None:
    path = f"/v1/documents/{shared['document_id']}"
    before = people["ada"].get(path).json()
    refused = people["ada"].patch(path, json=body)
    assert (refused.status_code in (400, 422), refused.json()["code"]) == (True, "invalid_request"), refused.text
    assert people["ada"].get(path).json() == before
    assert people["fin"].patch(path, json={"title": "Mine"}).status_code == 403, "readers change nothing"


def test_who_was_let_in_is_on_the_record(
    people: dict[str, httpx.Client], shared: dict[str, Any], client: httpx.Client
) -> None:
    _share(people["ada"], shared, "group:board", "user:bob")
    acts = [line for line in client.get("/v1/admin/audit").text.splitlines() if '"share"' in line]
    assert any(shared["document_id"] in line and "group:board" in line and '"ada"' in line for line in acts)


def test_a_collection_says_who_reads_what_names_nobody(
    people: dict[str, httpx.Client], client: httpx.Client, tmp_path: Path
) -> None:
    made = client.post("/v1/collections", json={"name": "closed", "readers": ["group:finance"]})
    assert made.json()["readers"] == ["group:finance"]
    note = tmp_path / "note.md"
    note.write_text("# Note\n\nOnly for finance.\n")
    first = upload(people["ada"], note, collection="closed")
    readers = people["ada"].get(f"/v1/documents/{first['document_id']}").json()["readers"]
    assert readers == ["group:finance", "user:ada"]
    assert people["bob"].get(f"/v1/documents/{first['document_id']}").status_code == 404
    assert client.patch("/v1/collections/closed", json={"readers": None}).json()["readers"] is None
    note.write_text("# Note\n\nFor all.\n")
    second = upload(people["ada"], note, collection="closed")
    assert people["bob"].get(f"/v1/documents/{second['document_id']}").status_code == 200
    assert people["bob"].get(f"/v1/documents/{first['document_id']}").status_code == 404, "those there keep theirs"


def test_the_same_from_the_terminal(
    server: Server, client: httpx.Client, people: dict[str, httpx.Client], tmp_path: Path
) -> None:
    at = {"CAIRN_URL": server.url, "CAIRN_API_KEY": KEY, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}

    def cairn(*arguments: str) -> Any:
        command = [sys.executable, "-m", "app.cli", *arguments, "--json"]
        done = subprocess.run(command, env=os.environ | at, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    note = tmp_path / "terminal.md"
    note.write_text("# Terminal\n\nA note from the terminal.\n")
    cairn("ingest", str(note), "--reader", "group:finance")
    found = next(each for each in cairn("documents", "list")["documents"] if each["title"] == "terminal")
    assert found["readers"] == ["group:finance", "user:admin"]
    assert cairn("documents", "share", found["id"], "user:bob", "group:board")["readers"] == [
        "group:board",
        "user:admin",
        "user:bob",
    ]
    assert people["bob"].get(f"/v1/documents/{found['id']}").status_code == 200
    assert cairn("documents", "rename", found["id"], "Another")["title"] == "Another"
    assert cairn("documents", "show", found["id"])["title"] == "Another"
    assert cairn("collections", "create", "boards", "--reader", "group:board")["readers"] == ["group:board"]
    assert cairn("collections", "readers", "boards", "everyone")["readers"] == ["everyone"]
    assert cairn("documents", "delete", found["id"])["document_id"] == found["id"]
    assert client.get(f"/v1/documents/{found['id']}").status_code == 404
