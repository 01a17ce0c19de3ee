"""Keys as an administrator hands them out: made, used, replaced, revoked; each opens what its roles say, and no more."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.server import Server, finished, running, upload

_KEYS = "/v1/admin/keys"


def _make(client: httpx.Client, **fields: Any) -> dict[str, Any]:
    response = client.post(_KEYS, json={"name": "test", "user": "ada", "roles": ["reader"], **fields})
    assert response.status_code == 201, response.text
    return dict(response.json())


def _status(server: Server, secret: str, path: str = "/v1/documents") -> int:
    with server.client(secret) as holder:
        return holder.get(path).status_code


def test_a_key_is_its_holder_and_its_secret_is_shown_once(server: Server, client: httpx.Client, tmp_path: Path) -> None:
    issued = _make(client, user="ada", groups=["finance", "board"], roles=["editor"])
    note = tmp_path / "note.md"
    note.write_text("# Note\n\nFor the board alone.\n")
    with server.client(issued["secret"]) as ada:
        document = upload(ada, note, readers="group:board")
        finished(ada, document["job_id"])
        assert "group:board" in ada.get(f"/v1/documents/{document['document_id']}").json()["readers"]
    assert client.get(f"/v1/documents/{document['document_id']}").status_code == 404  # an admin is not of the board
    shown = next(key for key in client.get(_KEYS).json()["keys"] if key["id"] == issued["key"]["id"])
    assert shown["groups"] == ["board", "finance"]
    assert issued["secret"] not in client.get(_KEYS).text
    assert issued["secret"].encode() not in (server.data_dir / "catalog.sqlite3").read_bytes()


def test_the_use_of_a_key_is_noted(server: Server, client: httpx.Client) -> None:
    issued = _make(client)
    assert issued["key"]["last_used_at"] is None
    assert _status(server, issued["secret"]) == 200
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if {key["id"]: key["last_used_at"] for key in client.get(_KEYS).json()["keys"]}[issued["key"]["id"]]:
            return
        time.sleep(0.05)
    raise AssertionError("never noted")


def test_a_revoked_key_opens_nothing_from_then_on(server: Server, client: httpx.Client) -> None:
    issued = _make(client)
    assert _status(server, issued["secret"]) == 200
    assert client.delete(f"{_KEYS}/{issued['key']['id']}").status_code == 204
    assert _status(server, issued["secret"]) == 401
    refused = client.post(f"{_KEYS}/{issued['key']['id']}/rotate")
    assert (refused.status_code, refused.json()["code"]) == (404, "key_not_found")


def test_who_is_known_by_a_question_is_known_no_more_when_the_key_is_revoked(
    server: Server, client: httpx.Client, ingested: dict[str, str]
) -> None:
    issued, query = _make(client), {"query": "How many days of paid leave are there?", "stream": False}
    with server.client(issued["secret"]) as holder:
        served = [holder.post("/v1/query", json=query).headers["x-cairn-cache"] for _ in range(4)]
        assert served[-1] == "exact"
        assert client.delete(f"{_KEYS}/{issued['key']['id']}").status_code == 204
        assert holder.post("/v1/query", json=query).status_code == 401


def test_who_is_known_is_told_the_same_of_a_wrong_question(
    server: Server, client: httpx.Client, ingested: dict[str, str]
) -> None:
    """Known and unknown go different ways into the same route (app/api/direct.py)."""
    with server.client(_make(client)["secret"]) as holder:
        for content in (b"{", b'{"query": ""}', b'{"query": "x", "top_k": 999}', b'{"query": "x", "more": 1}', b"[]"):
            holder.get("/v1/documents")
            known = holder.post("/v1/query", content=content, headers={"Content-Type": "application/json"})
            new = _make(client)["secret"]
            with server.client(new) as stranger:
                unknown = stranger.post("/v1/query", content=content, headers={"Content-Type": "application/json"})
            assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())
            assert known.status_code in (400, 422)
        assert holder.post("/v1/query", content=b'{"query": "x"}', headers={"Content-Type": "text/plain"}).is_error
        missing = holder.post("/v1/query", json={"query": "x", "collection": "nowhere"})
        assert (missing.status_code, missing.json()["code"]) == (404, "collection_not_found")


@pytest.mark.parametrize(("grace_hours", "old"), [(1, 200), (0, 401)])
def test_a_replaced_key_opens_for_its_grace(server: Server, client: httpx.Client, grace_hours: int, old: int) -> None:
    issued = _make(client, groups=["finance"], expires_in_days=90)
    rotated = client.post(f"{_KEYS}/{issued['key']['id']}/rotate", json={"grace_hours": grace_hours}).json()
    assert _status(server, rotated["secret"]) == 200
    assert _status(server, issued["secret"]) == old
    assert (rotated["key"]["groups"], rotated["key"]["user"]) == (["finance"], "ada")
    assert rotated["key"]["expires_at"] is not None


@pytest.mark.parametrize(
    ("role", "reads", "writes", "collections", "keys"),
    [
        ("reader", 200, 403, 403, 403),
        ("editor", 200, 400, 403, 403),
        ("collection_admin", 200, 400, 201, 403),
        ("tenant_admin", 200, 400, 201, 200),
        ("revealer", 200, 403, 403, 403),
        ("auditor", 403, 403, 403, 403),
    ],
)
def test_a_role_opens_what_the_table_says(
    server: Server, client: httpx.Client, role: str, reads: int, writes: int, collections: int, keys: int
) -> None:
    issued = _make(client, roles=[role])
    with server.client(issued["secret"]) as holder:
        assert holder.get("/v1/documents").status_code == reads
        assert holder.post("/v1/documents").status_code == writes  # 400: it may, and sent no file
        assert holder.post("/v1/collections", json={"name": f"of-{role}"}).status_code == collections
        assert holder.get(_KEYS).status_code == keys


@pytest.mark.parametrize(
    "wrong",
    [{"roles": []}, {"roles": ["root"]}, {"user": " "}, {"expires_in_days": 0}, {"groups": ["x"] * 201}, {"more": 1}],
)
def test_a_key_that_cannot_be_is_refused(client: httpx.Client, wrong: dict[str, Any]) -> None:
    body = {"name": "test", "user": "ada", "roles": ["reader"], **wrong}
    refused = client.post(_KEYS, json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")


def test_the_first_key_stays_revoked_when_the_server_starts_again(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server, server.client() as admin:
        other = _make(admin, roles=["tenant_admin"])
        first = next(key for key in admin.get(_KEYS).json()["keys"] if key["name"] == "first key")
        assert admin.delete(f"{_KEYS}/{first['id']}").status_code == 204
        server.kill()
        server.start()
        with server.client(other["secret"]) as remaining:
            assert remaining.get(_KEYS).status_code == 200
        with server.client() as revoked:
            assert revoked.get(_KEYS).status_code == 401
