"""What is tried on a server like this, on a real one. docs/security.md has all attacks, with the tests that are elsewhere."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from pipelines.domain.access import Principal, Role
from tests.e2e.server import KEY, Server, add_key, finished, running, secret, upload

NOTE = "# Leave\n\nEmployees get 28 days of paid leave each year.\n"
ASKED = {"query": "How many days of paid leave do employees get each year?", "stream": False}
NAMES = [
    "../../../../etc/cron.d/evil.md",
    "..\\..\\evil.md",
    "/etc/cron.d/evil.md",
    "C:\\Windows\\evil.md",
    "%2e%2e%2fevil.md",
    "~root/evil.md",
    ".evil.md",
    "-rf.md",
    "a;touch evil;b.md",
    "$(touch evil).md",
    "evil\u202egnp.md",
    "x" * 250 + ".md",
]
TRAVERSALS = [
    "..%2f..%2fcatalog.sqlite3",
    "%2e%2e/%2e%2e/etc/passwd",
    "..%252f..%252fetc%252fpasswd",
    "%00",
    "doc_1%0d%0aX-Evil:%201",
    "doc_1'%20OR%20'1'='1",
    "*",
    "x" * 5_000,
]
ROUTES = [
    ("GET", "/v1/documents/{}"),
    ("GET", "/v1/documents/{}/content"),
    ("GET", "/v1/documents/{}/chunks"),
    ("GET", "/v1/documents/{}/pages/1.png"),
    ("PATCH", "/v1/documents/{}"),
    ("DELETE", "/v1/documents/{}"),
    ("GET", "/v1/jobs/{}"),
    ("GET", "/v1/jobs/{}/events"),
    ("POST", "/v1/jobs/{}/retry"),
    ("GET", "/v1/answers/{}"),
    ("POST", "/v1/answers/{}/replay"),
    ("GET", "/v1/conversations/{}"),
    ("DELETE", "/v1/conversations/{}"),
    ("GET", "/v1/erasures/{}"),
    ("GET", "/v1/bundles/{}"),
    ("GET", "/v1/evaluations/{}"),
    ("DELETE", "/v1/admin/keys/{}"),
    ("POST", "/v1/admin/keys/{}/rotate"),
    ("GET", "/v1/collections/{}"),
    ("GET", "/v1/models/{}"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("data")) as started:
        started.stop()
        add_key(started, "eve", Principal("rival", "eve", roles=frozenset({Role.TENANT_ADMIN})))
        yield started.start()


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as http:
        yield http


@pytest.fixture(scope="module")
def eve(server: Server) -> Iterator[httpx.Client]:
    with server.client(secret("eve")) as http:
        yield http


@pytest.fixture(scope="module")
def ids(client: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Of things that are there, by the route that names them."""
    path = tmp_path_factory.mktemp("note") / "leave.md"
    path.write_text(NOTE)
    sent = upload(client, path)
    finished(client, sent["job_id"])
    answer = client.post("/v1/query", json=ASKED).raise_for_status().json()
    key = (
        client.post("/v1/admin/keys", json={"name": "x", "user": "ada", "roles": ["reader"]}).raise_for_status().json()
    )
    client.post("/v1/collections", json={"name": "papers"}).raise_for_status()
    return {
        "documents": sent["document_id"],
        "jobs": sent["job_id"],
        "answers": answer["id"],
        "conversations": client.post("/v1/conversations").raise_for_status().json()["id"],
        "admin": key["key"]["id"],
        "collections": "papers",
        "models": "papers",
    }


def _named(path: str) -> str:
    return path.split("/")[2]


def _ask(client: httpx.Client, method: str, path: str) -> httpx.Response:
    body = {"readers": ["everyone"]} if method == "PATCH" else None
    return client.request(method, path, json=body)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_never_stored_under_a_name_that_was_sent(
    server: Server, client: httpx.Client, tmp_path: Path, name: str
) -> None:
    before = {path for path in server.data_dir.parent.rglob("*") if "evil" in path.name}
    response = client.post("/v1/documents", files={"file": (name, f"{NOTE}\n{name.encode().hex()}".encode())})
    assert response.status_code in (202, 400, 415, 422), response.text
    if response.status_code == 202:
        document = response.json()["documents"][0]
        finished(client, document["job_id"])
        assert not re.search(r"[/\\\x00-\x1f]", document["filename"])
        original = client.get(f"/v1/documents/{document['document_id']}/content")
        assert original.headers["content-disposition"].startswith("attachment;")
        assert original.headers["x-content-type-options"] == "nosniff"
        client.delete(f"/v1/documents/{document['document_id']}")
    stored = [path for path in (server.data_dir / "files").rglob("*") if path.is_file()]
    assert all(re.fullmatch(r"[\w./-]+", str(path.relative_to(server.data_dir))) for path in stored)
    assert {path for path in server.data_dir.parent.rglob("*") if "evil" in path.name} == before
    assert not Path("/etc/cron.d/evil.md").exists()


@pytest.mark.parametrize("name", ['a"\r\nX-Evil: 1\r\n\r\n.md', "a\r\nSet-Cookie: evil=1.md", "a%0d%0aX-Evil: 1.md"])
def test_a_name_puts_no_header_into_an_answer(server: Server, client: httpx.Client, name: str) -> None:
    head = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    part = f"{head}{NOTE}{name.encode().hex()}\r\n--b--\r\n"
    sent = client.post(
        "/v1/documents", content=part.encode(), headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert sent.status_code in (200, 202, 400, 415, 422)
    if sent.status_code in (200, 202):
        finished(client, sent.json()["documents"][0]["job_id"])
        original = client.get(f"/v1/documents/{sent.json()['documents'][0]['document_id']}/content")
        assert not {"x-evil", "set-cookie"} & original.headers.keys()
        client.delete(f"/v1/documents/{sent.json()['documents'][0]['document_id']}")
    assert not {"x-evil", "set-cookie"} & sent.headers.keys()


@pytest.mark.parametrize("id_", TRAVERSALS)
def test_an_id_leads_nowhere_but_to_what_has_it(client: httpx.Client, ids: dict[str, str], id_: str) -> None:
    for method, path in ROUTES:
        response = _ask(client, method, path.format(id_))
        assert response.status_code in (404, 405, 422), (method, path, response.text[:200])
        assert "x-evil" not in response.headers
        assert b"root:" not in response.content
        assert b"SQLite format" not in response.content


def test_what_is_anothers_answers_like_what_is_not_there(
    client: httpx.Client, eve: httpx.Client, ids: dict[str, str]
) -> None:
    """Neither status nor body nor headers tell ids that are taken from ids that are not."""
    for method, path in ROUTES:
        taken = ids.get(_named(path))
        if taken is None:
            continue
        free = taken[:-4] + ("0000" if taken[-4:] != "0000" else "1111")
        told = [_ask(eve, method, path.format(id_)) for id_ in (taken, free)]
        assert told[0].status_code == 404, (method, path, told[0].text)
        said = [each.text.replace(taken, "ID").replace(free, "ID") for each in told]
        assert said[0] == said[1]
        kept = [{name: value for name, value in each.headers.items() if name not in ("date",)} for each in told]
        assert kept[0] == kept[1]
    assert client.get(f"/v1/documents/{ids['documents']}").status_code == 200


def test_ids_and_keys_cannot_be_guessed(client: httpx.Client, ids: dict[str, str]) -> None:
    random = re.compile(r"[a-z]+_[0-9a-f]{24,}|[a-z]+_[\w-]{22,}")
    assert all(random.fullmatch(ids[kind]) for kind in ("documents", "jobs", "answers", "conversations", "admin"))
    made = {
        client.post("/v1/admin/keys", json={"name": "x", "user": "ada", "roles": ["reader"]}).json()["secret"]
        for _ in range(5)
    }
    assert len(made) == 5
    assert all(re.fullmatch(r"cairn_sk_[\w-]{43}", each) for each in made)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Host": "evil.example.org", "X-Forwarded-Proto": "https"},
        {"X-Original-URL": "/v1/admin/keys", "X-Rewrite-URL": "/v1/admin/keys"},
        {"X-HTTP-Method-Override": "DELETE"},
        {"X-Tenant-Id": "rival", "X-User": "eve", "X-Forwarded-User": "eve"},
        {"Host": "evil.example.org"},
        {"Cookie": "session=admin"},
    ],
)
def test_no_header_changes_what_an_answer_says_or_where_it_points(
    client: httpx.Client, headers: dict[str, str]
) -> None:
    plain, poisoned = (client.get("/v1/collections", headers=each) for each in ({}, headers))
    assert (plain.status_code, plain.content) == (poisoned.status_code, poisoned.content)
    assert plain.headers["cache-control"] == "no-store", "no proxy keeps it for the next one"
    assert "evil" not in str(poisoned.headers)


@pytest.mark.parametrize(
    "lines",
    [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "Content-Length: -1\r\n\r\n",
        "X-Evil: a\x00b\r\n\r\n",
        " X-Evil: folded\r\n\r\n",
    ],
)
def test_a_request_that_two_readers_may_read_differently_is_refused(server: Server, lines: str) -> None:
    head = f"POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\nConnection: close\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall((head + lines).encode("latin-1"))
        answer = connection.makefile("rb").read().decode("latin-1")
    assert re.match(r"HTTP/1\.1 4\d\d", answer), answer[:200]
    assert answer.count("HTTP/1.1 ") == 1, "one request, one answer"


@pytest.mark.parametrize(
    "key",
    [
        KEY[:-1],
        KEY + "x",
        KEY.upper(),
        f" {KEY} x",
        f"{KEY}\x00",
        "' OR ''='",
        "null",
        "undefined",
        "é" * 10,
        "x" * 60_000,
    ],
)
def test_a_key_opens_to_the_letter(server: Server, ids: dict[str, str], key: str) -> None:
    with server.client(None) as nobody:
        for way in ({"url": "/v1/documents", "method": "GET"}, {"url": "/v1/query", "method": "POST", "json": ASKED}):
            try:
                response = nobody.request(**way, headers={"Authorization": f"Bearer {key}".encode("utf-8", "ignore")})  # type: ignore[arg-type, dict-item]
            except (httpx.LocalProtocolError, httpx.RemoteProtocolError):
                continue  # no header can say it, or the head is too large
            assert response.status_code in (400, 401, 431), response.text


@pytest.mark.parametrize("scheme", ["Basic", "Token", "", "Bearer Bearer"])
def test_a_key_is_a_bearers(server: Server, ids: dict[str, str], scheme: str) -> None:
    with server.client(None) as nobody:
        for _ in range(2):
            given = {"Authorization": f"{scheme} {KEY}".strip()}
            assert nobody.get("/v1/documents", headers=given).status_code == 401
            assert nobody.post("/v1/query", json=ASKED, headers=given).status_code == 401
        assert nobody.get(f"/v1/documents?key={quote(KEY)}&access_token={quote(KEY)}").status_code == 401
        assert nobody.get("/v1/documents", headers={"Cookie": f"Authorization=Bearer {KEY}"}).status_code == 401


@pytest.mark.parametrize(
    "query",
    [
        '" OR "1"="1',
        "leave' UNION SELECT secret_sha256 FROM api_keys --",
        "NEAR(a b) AND *",
        "{x: y}^3",
        "\ud800",
        "a\x00b",
        "%' OR 1=1",
    ],
)
def test_a_question_is_words_to_every_index(client: httpx.Client, ids: dict[str, Any], query: str) -> None:
    content = json.dumps({"query": query})  # halves of surrogates and all
    found = client.post("/v1/search", content=content.encode(), headers={"Content-Type": "application/json"})
    assert found.status_code in (200, 400, 422), found.text
    assert "sha256" not in found.text


def test_the_server_outlived_all_this(server: Server, client: httpx.Client, ids: dict[str, str]) -> None:
    assert client.post("/v1/query", json=ASKED).json()["citations"]
    assert "Traceback" not in (server.data_dir / "server.log").read_text()
