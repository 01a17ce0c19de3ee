"""Wrong or broken input: a problem document with a stable code, and nothing left behind."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import pymupdf
import pytest

from app.cli.handbook import write
from tests.e2e.server import KEY, Server, running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("data"), CAIRN_MAX_FILE_BYTES="3000000") as started:
        yield started


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as http:
        yield http


@pytest.fixture(scope="module")
def pdf(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("pdf") / "handbook.pdf"
    write(path)
    return path.read_bytes()


def _encrypted(pdf: bytes, *, user: str, owner: str) -> bytes:
    with pymupdf.open(stream=pdf) as document:
        data: bytes = document.tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw=user, owner_pw=owner)
    return data


def _refused(response: httpx.Response, status: int, code: str) -> None:
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json().keys() >= {"type", "title", "status", "code", "detail", "instance"}


def _nothing_left(server: Server, client: httpx.Client) -> None:
    assert client.get("/v1/documents").json()["documents"] == []
    assert client.get("/v1/jobs").json()["jobs"] == []
    assert [path for path in (server.data_dir / "files").rglob("*") if path.is_file()] == []
    assert list((server.data_dir / "incoming").iterdir()) == []


def test_no_file(server: Server, client: httpx.Client) -> None:
    _refused(client.post("/v1/documents", data={"collection": "default"}), 400, "missing_file")
    _refused(client.post("/v1/documents"), 400, "missing_file")
    _nothing_left(server, client)


@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        ("empty.pdf", b"", 400, "empty_file"),
        ("large.pdf", b"%PDF-1.7\n" + b"x" * 3_000_001, 413, "file_too_large"),
        ("program.exe", b"MZ\x90\x00\x03\x00\x00\x00" + bytes(200), 415, "unsupported_type"),
        ("archive.zip", b"PK\x03\x04" + bytes(200), 415, "unsupported_type"),
        ("renamed.pdf", b"\x89PNG\r\n\x1a\n" + bytes(200), 415, "type_mismatch"),
        ("nothing-inside.pdf", b"%PDF-1.7\nthis is not a PDF\n%%EOF\n", 422, "unreadable_file"),
    ],
)
def test_files_that_cannot_be_taken(
    server: Server, client: httpx.Client, name: str, content: bytes, status: int, code: str
) -> None:
    _refused(client.post("/v1/documents", files={"file": (name, content)}), status, code)
    _nothing_left(server, client)


def test_an_encrypted_pdf(server: Server, client: httpx.Client, pdf: bytes) -> None:
    locked = _encrypted(pdf, user="secret", owner="owner")
    _refused(client.post("/v1/documents", files={"file": ("locked.pdf", locked)}), 422, "encrypted_file")
    _nothing_left(server, client)


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.95])
def test_a_truncated_pdf(server: Server, client: httpx.Client, pdf: bytes, kept: float) -> None:
    part = pdf[: int(len(pdf) * kept)]
    _refused(client.post("/v1/documents", files={"file": ("part.pdf", part)}), 422, "truncated_file")
    _nothing_left(server, client)


def test_one_bad_file_refuses_all_of_an_upload(server: Server, client: httpx.Client, pdf: bytes) -> None:
    files = [("file", ("good.pdf", pdf)), ("file", ("bad.pdf", b""))]
    response = client.post("/v1/documents", files=files)
    _refused(response, 400, "empty_file")
    assert "bad.pdf" in response.json()["detail"]
    _nothing_left(server, client)


@pytest.mark.parametrize(
    ("path", "announced"), [("/v1/documents", 10**12), ("/v1/query", 50_000_000), ("/v1/chat/completions", 50_000_000)]
)
def test_a_body_that_promises_more_than_is_allowed(server: Server, path: str, announced: int) -> None:
    """Refused by what it says of itself: nothing of it is read."""
    request = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nConnection: close\r\n"
        f"Content-Length: {announced}\r\nContent-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(request.encode())
        answer = connection.makefile("rb").read().decode()
    assert answer.startswith("HTTP/1.1 413")
    assert '"code":"request_too_large"' in answer


@pytest.mark.parametrize("key", [None, "wrong", "Bearer", "\u00fcmlaut"])
def test_a_wrong_key(server: Server, key: str | None) -> None:
    headers = {} if key is None else {"Authorization": f"Bearer {key}".encode()}
    with server.client(key=None) as stranger:
        response = stranger.get("/v1/documents", headers=headers)
    _refused(response, 401, "unauthenticated")
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/documents/doc_unknown", "document_not_found"),
        ("/v1/documents/doc_unknown/content", "document_not_found"),
        ("/v1/documents/doc_unknown/chunks", "document_not_found"),
        ("/v1/documents/..%2F..%2Fetc%2Fpasswd", "not_found"),
        ("/v1/jobs/job_unknown", "job_not_found"),
        ("/v1/jobs/job_unknown/events", "job_not_found"),
        ("/v1/collections/unknown", "collection_not_found"),
        ("/v1/nothing-here", "not_found"),
    ],
)
def test_unknown_ids(client: httpx.Client, path: str, code: str) -> None:
    _refused(client.get(path), 404, code)


def test_unknown_ids_are_not_deleted_replaced_or_searched(client: httpx.Client, pdf: bytes) -> None:
    _refused(client.delete("/v1/documents/doc_unknown"), 404, "document_not_found")
    replacing = client.post("/v1/documents", files={"file": ("a.pdf", pdf)}, data={"document_id": "doc_unknown"})
    _refused(replacing, 404, "document_not_found")
    elsewhere = client.post("/v1/documents", files={"file": ("a.pdf", pdf)}, data={"collection": "unknown"})
    _refused(elsewhere, 404, "collection_not_found")
    _refused(client.post("/v1/search", json={"query": "x", "collection": "unknown"}), 404, "collection_not_found")
    for stream in (True, False):
        body = {"query": "x", "collection": "unknown", "stream": stream}
        _refused(client.post("/v1/query", json=body), 404, "collection_not_found")


@pytest.mark.parametrize("path", ["/v1/search", "/v1/query", "/v1/collections"])
def test_invalid_json(client: httpx.Client, path: str) -> None:
    headers = {"Content-Type": "application/json"}
    _refused(client.post(path, content=b'{"query": ', headers=headers), 400, "invalid_json")
    _refused(client.post(path, content=b"\xff\xfe", headers=headers), 400, "invalid_json")


@pytest.mark.parametrize(
    "body", [{}, {"query": ""}, {"query": "x" * 5_000}, {"query": "x", "top_k": 0}, {"query": "x", "unknown": 1}, ["x"]]
)
def test_a_request_of_the_wrong_shape(client: httpx.Client, body: object) -> None:
    response = client.post("/v1/search", json=body)
    _refused(response, 422, "invalid_request")
    assert response.json()["errors"]


@pytest.mark.parametrize("fields", [{"metadata": "[1]"}, {"metadata": "{"}, {"readers": "nobody"}])
def test_wrong_form_fields(server: Server, client: httpx.Client, pdf: bytes, fields: dict[str, str]) -> None:
    _refused(client.post("/v1/documents", files={"file": ("a.pdf", pdf)}, data=fields), 400, "invalid_request")
    _nothing_left(server, client)


def test_a_wrong_cursor_and_a_wrong_method(client: httpx.Client) -> None:
    _refused(client.get("/v1/documents?cursor=%21%21"), 400, "invalid_request")
    _refused(client.put("/v1/documents"), 405, "method_not_allowed")


def test_a_collection_is_made_once_and_named_well(client: httpx.Client) -> None:
    assert client.post("/v1/collections", json={"name": "contracts"}).status_code == 201
    _refused(client.post("/v1/collections", json={"name": "contracts"}), 409, "collection_exists")
    _refused(client.post("/v1/collections", json={"name": "../x"}), 400, "invalid_request")
