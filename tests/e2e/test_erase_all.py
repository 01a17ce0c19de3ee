"""Everything of a person, and of a tenant, goes by one order, and what proves it is printed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.server import KEY, ROOT, Server, finished, running, upload

ORDERS = "/v1/admin/erasures"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Of the test's own: who erases a tenant leaves nothing to others."""
    with running(tmp_path / "data") as started:
        yield started


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as http:
        yield http


@pytest.fixture
def people(server: Server, client: httpx.Client) -> Iterator[dict[str, httpx.Client]]:
    """Two editors, ada and bob, both of the staff."""
    with ExitStack() as stack:
        found = {}
        for user in ("ada", "bob"):
            body = {"name": user, "user": user, "roles": ["editor"], "groups": ["staff"]}
            made = client.post("/v1/admin/keys", json=body).json()
            found[user] = stack.enter_context(server.client(made["secret"]))
        yield found


def _note(client: httpx.Client, folder: Path, word: str, readers: str) -> str:
    path = folder / f"{word}.md"
    path.write_text(f"# Note\n\nThe word of this note is {word}.\n")
    document = upload(client, path, readers=readers)
    finished(client, document["job_id"])
    return str(document["document_id"])


def _ended(client: httpx.Client, order: dict[str, Any]) -> dict[str, Any]:
    deadline = time.monotonic() + 120
    while order["status"] == "pending":
        assert time.monotonic() < deadline, order
        time.sleep(0.2)
        order = client.get(f"{ORDERS}/{order['id']}").json()
    return order


def _files_with(folder: Path, word: str) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and word.encode() in path.read_bytes()]


def test_a_person_leaves_nothing_but_what_others_sent(
    server: Server, client: httpx.Client, people: dict[str, httpx.Client], tmp_path: Path
) -> None:
    ada, bob = people["ada"], people["bob"]
    hers = _note(ada, tmp_path, "marmalade", "group:staff")
    his = _note(bob, tmp_path, "rhubarb", "user:ada,group:staff")
    conversation = ada.post("/v1/conversations").json()["id"]
    asked = {"query": "What is the word of this note, persimmon?", "stream": False, "conversation_id": conversation}
    answer = ada.post("/v1/query", json=asked).json()
    ada.post("/v1/feedback", json={"answer_id": answer["id"], "comment": "quince"})
    ordered = client.post(ORDERS, json={"user": "ada"})
    assert ordered.status_code == 202, ordered.text
    assert bob.get(f"/v1/documents/{hers}").status_code == 404, "invisible at once"
    assert ada.get("/v1/documents").status_code == 401, "her key has ended"
    order = _ended(client, ordered.json())
    assert (order["status"], order["user"], order["asked_by"]) == ("verified", "ada", "admin")
    (proof,) = order["erasures"]
    assert (proof["document_id"], proof["status"]) == (hers, "verified")
    assert sum(place["found"] for place in proof["receipt"]["searched"]) == 0
    removed = order["removed"]
    assert {
        name: removed[name] for name in ("conversations", "answers", "feedback", "keys_ended", "readers_lists")
    } == {
        "conversations": 1,
        "answers": 1,
        "feedback": 1,
        "keys_ended": 1,
        "readers_lists": 1,
    }
    assert bob.get(f"/v1/documents/{his}").json()["readers"] == ["group:staff", "user:bob"]
    found = bob.post("/v1/search", json={"query": "What is the word of this note?"}).json()["passages"]
    assert {each["document_id"] for each in found} == {his}
    again = _ended(client, client.post(ORDERS, json={"user": "ada"}).json())
    assert (again["status"], again["erasures"]) == ("verified", [])
    acts = client.get("/v1/admin/audit").text
    assert order["id"] in acts
    server.stop()
    for word in ("marmalade", "persimmon", "quince"):
        assert _files_with(server.data_dir, word) == []
    assert _files_with(server.data_dir, "rhubarb") != []


def test_a_tenant_is_erased_from_the_terminal_and_another_stays(
    server: Server, client: httpx.Client, people: dict[str, httpx.Client], tmp_path: Path
) -> None:
    environment = {**os.environ, "CAIRN_DATA_DIR": str(server.data_dir), "CAIRN_URL": server.url, "CAIRN_API_KEY": KEY}

    def cairn(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "app.cli", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    other_key = json.loads(cairn("tenants", "create", "rival", "--json").stdout)["secret"]
    assert "tenant_exists" in cairn("tenants", "create", "rival").stderr
    assert cairn("tenants", "list").stdout.split() == ["main", "rival"]
    ada = people["ada"]
    mine = [_note(ada, tmp_path, "marmalade", "user:ada"), _note(client, tmp_path, "rhubarb", "everyone")]
    with server.client(other_key) as rival:
        theirs = _note(rival, tmp_path, "elderflower", "everyone")
        assert {
            client.get(f"/v1/documents/{theirs}").status_code,
            rival.get(f"/v1/documents/{mine[1]}").status_code,
        } == {404}
        refused = client.post(ORDERS, json={"tenant": "rival"})
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_request")
        assert client.post(ORDERS, json={"tenant": "main", "user": "ada"}).status_code == 422
        assert ada.post(ORDERS, json={"tenant": "main"}).status_code == 403
        erased = cairn("erase", "tenant", "main", "--yes", "--json")
        assert erased.returncode == 0, erased.stdout + erased.stderr
        proof = json.loads(erased.stdout)
        assert {each["document_id"] for each in proof["erasures"]} == set(mine)
        assert (proof["proved"], proof["signatures_valid"]) == (True, 2)
        assert client.get("/v1/documents").json()["documents"] == []
        assert ada.get("/v1/documents").status_code == 401
        assert rival.get(f"/v1/documents/{theirs}").status_code == 200
        assert rival.get(f"{ORDERS}/{proof['id']}").status_code == 404
        shown = cairn("erase", "show", proof["id"])
        assert (shown.returncode, "2 of 2 receipts are signed" in shown.stdout) == (0, True), shown.stdout
    server.stop()
    for word in ("marmalade", "rhubarb"):
        assert _files_with(server.data_dir, word) == []
    assert _files_with(server.data_dir, "elderflower") != []
