"""What a key and a tenant may use, as those see it who run into it; and what may be sent, how slowly, and by whom."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipelines.domain.access import Principal, Role
from tests.e2e.server import KEY, Server, add_key, finished, running, secret, upload

READ = frozenset({Role.READER})
SETTINGS = {
    "CAIRN_KEY_REQUESTS_PER_MINUTE": "100",
    "CAIRN_KEY_QUESTIONS_PER_DAY": "3",
    "CAIRN_TENANT_QUESTIONS_PER_DAY": "5",
    "CAIRN_TENANT_DOCUMENTS": "2",
    "CAIRN_TENANT_BYTES": "3000",
    "CAIRN_BODY_TIMEOUT_S": "0.5",
    "CAIRN_ALLOWED_HOSTS": "127.0.0.1,cairn.example.org",
    "CAIRN_CORS_ORIGINS": "https://intranet.example.org",
}
ASKED = {"query": "How many days of leave?", "stream": False}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("data"), **SETTINGS) as started:
        started.stop()
        for name, user in (("ada", "ada"), ("ada-2", "ada"), ("ben", "ben"), ("quick", "quick")):
            add_key(started, name, Principal("main", user, roles=READ))
        add_key(started, "eve", Principal("other", "eve", roles=READ))
        add_key(started, "few", Principal("few", "fay", roles=frozenset({Role.EDITOR})))
        add_key(started, "many", Principal("many", "may", roles=frozenset({Role.EDITOR})))
        started.start()
        note = tmp_path_factory.mktemp("note") / "leave.md"
        note.write_text("# Leave\n\nEmployees get 28 days of paid leave each year.\n")
        with started.client() as client:
            finished(client, upload(client, note)["job_id"])
        yield started


def _refused(response: httpx.Response, policy: str) -> None:
    assert (response.status_code, response.json()["code"]) == (429, "rate_limited")
    assert response.headers["content-type"] == "application/problem+json"
    assert int(response.headers["retry-after"]) >= 1
    assert f'"{policy}";q=' in response.headers["ratelimit-policy"]
    assert f'"{policy}";r=0;t=' in response.headers["ratelimit"]


def test_questions_by_key_and_by_tenant(server: Server) -> None:
    with (
        server.client(secret("ada")) as ada,
        server.client(secret("ada-2")) as again,
        server.client(secret("ben")) as ben,
    ):
        assert [ada.post("/v1/query", json=ASKED).status_code for _ in range(3)] == [200] * 3
        _refused(ada.post("/v1/query", json=ASKED), "key-questions")
        _refused(ada.post("/v1/query", json=ASKED | {"stream": True}), "key-questions")
        other = ada.post(
            "/v1/chat/completions", json={"model": "default", "messages": [{"role": "user", "content": "?"}]}
        )
        assert (other.status_code, other.json()["error"]["code"]) == (429, "rate_limited")
        assert ada.post("/v1/search", json={"query": "leave"}).status_code == 200, "a search is no question"
        assert again.post("/v1/query", json=ASKED).status_code == 200, "another key of the same person"
        assert ben.post("/v1/query", json=ASKED).status_code == 200
        _refused(ben.post("/v1/query", json=ASKED), "tenant-questions")
    with server.client(secret("eve")) as eve:
        assert eve.post("/v1/query", json=ASKED).json()["code"] == "collection_not_found", "another tenant"


def test_requests_of_any_kind_say_what_is_left(server: Server) -> None:
    with server.client(secret("quick")) as quick:
        first = quick.get("/v1/documents")
        assert first.headers["ratelimit-policy"] == '"key-requests";q=100;w=60'
        assert first.headers["ratelimit"] == '"key-requests";r=99;t=1'
        for _ in range(400):  # they come back while it asks, at less than two a second
            response = quick.get("/v1/documents")
            if response.status_code != 200:
                break
        _refused(response, "key-requests")
        assert quick.get("/healthz").status_code == 200


def test_documents_and_bytes_of_a_tenant(server: Server, tmp_path: Path) -> None:
    def note(name: str, size: int) -> dict[str, Any]:
        return {"files": {"file": (f"{name}.md", f"# {name}\n\n{'word ' * (size // 5)}".encode())}}

    with server.client(secret("few")) as few:
        made = [few.post("/v1/documents", **note(name, 100)) for name in ("one", "two", "one")]
        assert [each.status_code for each in made] == [202, 202, 200]
        refused = few.post("/v1/documents", **note("three", 100))
        assert (refused.status_code, refused.json()["code"]) == (409, "quota_reached")
        first = made[0].json()["documents"][0]
        finished(few, first["job_id"])
        assert few.delete(f"/v1/documents/{first['document_id']}").status_code == 202
        assert few.post("/v1/documents", **note("three", 100)).status_code == 202
    with server.client(secret("many")) as many:
        assert many.post("/v1/documents", **note("large", 2_000)).status_code == 202
        refused = many.post("/v1/documents", **note("larger", 2_000))
        assert (refused.status_code, refused.json()["code"]) == (409, "quota_reached")
        assert len(many.get("/v1/documents").json()["documents"]) == 1


@pytest.mark.parametrize(
    ("path", "media_type", "begun"),
    [("/v1/query", "application/json", "{"), ("/v1/documents", "multipart/form-data; boundary=x", "--x\r\n")],
)
def test_a_body_that_does_not_come(server: Server, path: str, media_type: str, begun: str) -> None:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\n"
        f"Content-Length: 1000\r\nContent-Type: {media_type}\r\n\r\n{begun}"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(head.encode())
        answer = connection.makefile("rb").read().decode()
    assert answer.startswith("HTTP/1.1 408")
    assert '"code":"request_too_slow"' in answer


def test_a_body_that_comes_by_drops(server: Server) -> None:
    """Never silent for long, and yet it would take an hour."""
    head = (
        f"POST /v1/query HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\n"
        "Content-Length: 100000\r\nContent-Type: application/json\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(head.encode())
        connection.settimeout(0.1)
        answer = b""
        for _ in range(600):
            try:
                connection.sendall(b" ")
                answer = connection.recv(65_536)
                break
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 408")


def test_a_head_that_has_no_end(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        try:
            for number in range(100_000):
                connection.sendall(f"X-{number}: {'x' * 1_000}\r\n".encode())
        except OSError:
            return
    raise AssertionError("it took 100 MB of headers")


@pytest.mark.parametrize(
    "host", ["evil.example.org", "127.0.0.1.evil.example.org", "", "127.0.0.1:80@evil.example.org"]
)
def test_another_host(server: Server, host: str) -> None:
    with server.client() as client:
        refused = client.get("/v1/documents", headers={"Host": host})
        assert (refused.status_code, refused.json()["code"]) == (421, "unknown_host")
        assert client.get("/healthz", headers={"Host": "cairn.example.org:8000"}).status_code == 200


def test_pages_of_another_site(server: Server) -> None:
    with server.client() as client:
        asks = {"Origin": "https://intranet.example.org", "Access-Control-Request-Method": "POST"}
        allowed = client.options("/v1/query", headers=asks)
        assert allowed.headers["access-control-allow-origin"] == "https://intranet.example.org"
        assert "access-control-allow-credentials" not in allowed.headers
        refused = client.options("/v1/query", headers=asks | {"Origin": "https://evil.example.org"})
        assert "access-control-allow-origin" not in refused.headers


def test_what_a_browser_may_do_with_answers(server: Server) -> None:
    with server.client() as client, server.client(None) as nobody:
        for response in (client.get("/v1/collections"), nobody.get("/v1/collections"), client.get("/v1/nothing")):
            headers = response.headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["content-security-policy"].startswith("default-src 'none'; frame-ancestors 'none'")
            assert (headers["referrer-policy"], headers["cache-control"]) == ("no-referrer", "no-store")
            assert "server" not in headers


def test_a_connection_that_rests_longer_than_clients_keep_one_takes_another_request(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        for rest_s in (0, 7):  # httpx keeps one for 5 s
            time.sleep(rest_s)
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b""
            while not answer.endswith(b"}"):
                block = connection.recv(4_096)
                assert block, "the connection was closed"
                answer += block
            assert answer.startswith(b"HTTP/1.1 200")
