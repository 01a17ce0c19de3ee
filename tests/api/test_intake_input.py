"""Wrong input about folders, bundles and retention: a problem document with a stable code, and nothing left behind."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.server import Server, running

SOURCES = "/v1/collections/default/sources"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("root")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("data"), CAIRN_SYNC_ROOTS=str(root)) as started:
        yield started


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as http:
        yield http


def _refused(response: httpx.Response, status: int, code: str) -> None:
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "invalid_request"),
        ({"path": ""}, 422, "invalid_request"),
        ({"path": 7}, 422, "invalid_request"),
        ({"path": "/x" * 4_000}, 422, "invalid_request"),
        ({"path": "ROOT", "kind": "folder"}, 422, "invalid_request"),
        ({"path": "ROOT", "interval_s": 59}, 422, "invalid_request"),
        ({"path": "ROOT", "interval_s": 10**9}, 422, "invalid_request"),
        ({"path": "ROOT", "readers": "everyone"}, 422, "invalid_request"),
        ({"path": "ROOT", "readers": ["bob"]}, 400, "invalid_request"),
        ({"path": "relative"}, 400, "source_not_allowed"),
        ({"path": "ROOT\0"}, 400, "source_not_allowed"),
        ({"path": "ROOT/../.."}, 400, "source_not_allowed"),
        ({"path": "/" + "x" * 4_000}, 400, "source_not_allowed"),
        ({"path": "ROOT/\udcff"}, 422, "invalid_request"),
        ({"path": "ROOT/never"}, 409, "source_missing"),
        ({"path": "s3://archive/papers"}, 409, "sync_off"),
        ({"path": "https://example.org/"}, 409, "sync_off"),
        ({"path": "http://["}, 409, "sync_off"),
        ({"path": "HTTP://169.254.169.254/latest"}, 409, "sync_off"),
        ({"path": "confluence:wiki/ENG"}, 409, "sync_off"),
        ({"path": "sharepoint:\0"}, 400, "source_not_allowed"),
        ({"path": "ftp://example.org/"}, 400, "source_not_allowed"),
    ],
)
def test_a_source_that_cannot_be(
    client: httpx.Client, root: Path, body: dict[str, object], status: int, code: str
) -> None:
    if isinstance(body.get("path"), str):
        body = body | {"path": str(body["path"]).replace("ROOT", str(root))}
    content = json.dumps(body)  # also of half a character, which only JSON's own escape can name
    _refused(client.post(SOURCES, content=content, headers={"Content-Type": "application/json"}), status, code)
    assert client.get(SOURCES).json() == {"sources": []}


def test_a_source_of_no_collection_and_one_that_is_not_there(client: httpx.Client, root: Path) -> None:
    _refused(client.post("/v1/collections/never/sources", json={"path": str(root)}), 404, "collection_not_found")
    _refused(client.get("/v1/collections/never/sources"), 404, "collection_not_found")
    for answer in (
        client.get(f"{SOURCES}/src_x"),
        client.delete(f"{SOURCES}/src_x"),
        client.delete(f"{SOURCES}/src_x", params={"documents": True}),
        client.post(f"{SOURCES}/src_x/sync"),
    ):
        _refused(answer, 404, "source_not_found")
    _refused(client.post(f"{SOURCES}/src_x/sync", json={"force": True}), 422, "invalid_request")


@pytest.mark.parametrize("body", [{}, {"retention_days": 0}, {"retention_days": "1 year"}, {"name": "x"}])
def test_a_collection_that_cannot_change_so(client: httpx.Client, body: dict[str, object]) -> None:
    _refused(client.patch("/v1/collections/default", json=body), 422, "invalid_request")


@pytest.mark.parametrize("query", ["cursor=%FF", "cursor=eHg", "cursor=LTE", "limit=0", "limit=1001", "limit=x"])
def test_a_bundle_that_is_asked_for_in_a_wrong_way(client: httpx.Client, query: str) -> None:
    answer = client.get(f"/v1/bundles/bun_x?{query}")
    _refused(answer, 422 if query.startswith("limit") else 400, "invalid_request")
    _refused(client.get("/v1/bundles/bun_x"), 404, "bundle_not_found")


def test_one_bundle_that_cannot_be_refuses_those_sent_with_it(server: Server, client: httpx.Client) -> None:
    good = io.BytesIO()
    with zipfile.ZipFile(good, "w") as file:
        file.writestr("a.md", "# A")
    files = [("file", ("good.zip", good.getvalue())), ("file", ("bad.zip", b"PK\x05\x06"))]
    _refused(client.post("/v1/documents", files=files, data={"unpack": "true"}), 422, "bundle_unreadable")
    document = {"unpack": "true", "document_id": "doc_x"}
    _refused(client.post("/v1/documents", files=files[:1], data=document), 400, "invalid_request")
    _refused(client.post("/v1/documents", files=files[:1], data={"unpack": "maybe"}), 422, "invalid_request")
    empty = [("file", ("none.zip", b""))]
    _refused(client.post("/v1/documents", files=empty, data={"unpack": "true"}), 400, "empty_file")
    assert client.get("/v1/jobs").json()["jobs"] == []
    assert [path for path in (server.data_dir / "files").rglob("*") if path.is_file()] == []
    assert list((server.data_dir / "incoming").iterdir()) == []
