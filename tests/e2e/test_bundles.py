"""An archive becomes a document for each of its files, whatever happens on the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.cli.handbook import write
from pipelines.domain.access import Principal, Role
from tests.e2e.server import KEY, ROOT, Server, add_key, events, finished, secret

MiB = 1024 * 1024


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    settings = {"CAIRN_MAX_FILES_PER_BUNDLE": "60", "CAIRN_MAX_BUNDLE_BYTES": str(64 * MiB)}
    started = Server(tmp_path / "data", settings | {"CAIRN_MAX_FILE_BYTES": str(4 * MiB)}).start()
    yield started
    started.stop()


def _zip(path: Path, files: Mapping[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def _note(word: str) -> str:
    return f"# About {word}\n\n" + f"The {word} rests in the northern archive. " * 4


def _send(client: httpx.Client, path: Path, **fields: str) -> httpx.Response:
    key = {"Idempotency-Key": fields.pop("key")} if "key" in fields else {}
    with path.open("rb") as file:
        data = {"unpack": "true", **fields}
        return client.post("/v1/documents", files={"file": (path.name, file)}, data=data, headers=key)


def _unpacked(client: httpx.Client, path: Path, **fields: str) -> dict[str, Any]:
    """The bundle, once its files and their documents are through."""
    answer = _send(client, path, **fields)
    assert answer.status_code == 202, answer.text
    (bundle,) = answer.json()["bundles"]
    assert answer.headers["Location"] == bundle["links"]["job"]
    finished(client, bundle["job_id"])
    found = client.get(bundle["links"]["bundle"]).json()
    for file in found["files"]:
        if file["job_id"]:
            finished(client, file["job_id"])
    return dict(found)


def test_each_file_is_a_document_and_each_that_cannot_be_is_named(server: Server, tmp_path: Path) -> None:
    write(tmp_path / "handbook.pdf")
    path = _zip(
        tmp_path / "all.zip",
        {
            "one.md": _note("zephyrine"),
            "deep/folder/two.md": _note("quagmirist"),
            "deep/handbook.pdf": (tmp_path / "handbook.pdf").read_bytes(),
            "twin.md": _note("zephyrine"),
            "__MACOSX/._one.md": b"\0",
            "empty.md": b"",
            "broken.pdf": b"%PDF-1.7\nno pdf\n%%EOF\n",
            "inner.zip": b"PK",
            "large.txt": "word " * MiB,
        },
    )
    with server.client() as client:
        bundle = _unpacked(client, path, readers="group:crew", metadata='{"case": "7"}')
        files = {file["path"]: file for file in bundle["files"]}
        assert {path: file["error"]["code"] for path, file in files.items() if file["error"]} == {
            "empty.md": "empty_file",
            "broken.pdf": "unreadable_file",
            "inner.zip": "bundle_nested",
            "large.txt": "file_too_large",
        }
        assert [path for path, file in files.items() if file["document_id"]] == [
            "one.md",
            "deep/folder/two.md",
            "deep/handbook.pdf",
            "twin.md",
        ]
        assert files["twin.md"]["duplicate"]
        assert files["twin.md"]["document_id"] == files["one.md"]["document_id"]
        document = client.get(f"/v1/documents/{files['deep/folder/two.md']['document_id']}").json()
        assert (document["title"], document["metadata"]) == ("two", {"case": "7", "path": "deep/folder/two.md"})
        assert set(document["readers"]) == {"group:crew", "user:admin"}
        assert bundle["job"]["progress"]["unit"] == "files"
        assert (bundle["job"]["progress"]["done"], bundle["job"]["progress"]["total"]) == (8, 8)
        assert bundle["job"]["steps"][-1]["output"]["documents"] == 4
        assert list((server.data_dir / "files" / "bundles").iterdir()) == []
        pages, cursor = [], None
        while cursor is not None or not pages:
            query = {"limit": 3} | ({"cursor": cursor} if cursor else {})
            page = client.get(f"/v1/bundles/{bundle['id']}", params=query).json()
            pages.append([file["path"] for file in page["files"]])
            cursor = page["next_cursor"]
        assert [len(page) for page in pages] == [3, 3, 2]

        again = _unpacked(client, path, readers="group:crew")
        assert all(file["duplicate"] or file["error"] for file in again["files"])
        assert len(client.get("/v1/documents").json()["documents"]) == 3

        deleted = client.delete(f"/v1/documents/{document['id']}").json()
        finished(client, deleted["job_id"])
        assert client.get(f"/v1/erasures/{deleted['erasure_id']}").json()["status"] == "verified"
        assert [file["path"] for file in client.get(f"/v1/bundles/{bundle['id']}").json()["files"]][1] == ""


def test_what_is_dangerous_is_refused_at_once_and_leaves_nothing(server: Server, tmp_path: Path) -> None:
    (tmp_path / "no.zip").write_bytes(b"no archive at all")
    (tmp_path / "cut.zip").write_bytes(_zip(tmp_path / "x.zip", {"a.md": _note("a")}).read_bytes()[:-30])
    refused = {
        _zip(tmp_path / "out.zip", {"../../etc/cron.d/x": "x"}): "bundle_unsafe_path",
        _zip(tmp_path / "absolute.zip", {"/etc/cron.d/x": "x"}): "bundle_unsafe_path",
        _zip(tmp_path / "bomb.zip", {"a.md": bytes(60 * MiB)}): "bundle_bomb",
        _zip(tmp_path / "large.zip", {"a.md": os.urandom(300_000) + bytes(70 * MiB)}): "bundle_too_large",
        _zip(tmp_path / "many.zip", {f"{n}.md": "x" for n in range(61)}): "bundle_too_many_files",
        _zip(tmp_path / "none.zip", {"folder/": ""}): "bundle_empty",
        tmp_path / "no.zip": "bundle_unreadable",
        tmp_path / "cut.zip": "bundle_unreadable",
    }
    with server.client() as client:
        for path, code in refused.items():
            answer = _send(client, path)
            assert (answer.status_code, answer.json()["code"]) == (422, code), path
            assert path.name in answer.json()["detail"]
        named = _send(client, tmp_path / "x.zip", title="All")
        assert (named.status_code, named.json()["code"]) == (400, "invalid_request")
        assert client.post("/v1/documents", data={"unpack": "true"}).json()["code"] == "missing_file"
        assert _send(client, tmp_path / "x.zip", collection="never").json()["code"] == "collection_not_found"
        assert client.get("/v1/jobs").json()["jobs"] == []
    assert not (server.data_dir / "files" / "bundles").exists()
    assert list((server.data_dir / "incoming").iterdir()) == []


def test_the_same_request_twice_is_one_bundle(server: Server, tmp_path: Path) -> None:
    path = _zip(tmp_path / "x.zip", {"a.md": _note("zephyrine")})
    other = _zip(tmp_path / "y.zip", {"b.md": _note("quagmirist")})
    with server.client() as client:
        first = _send(client, path, key="k").json()
        assert _send(client, path, key="k").json() == first
        assert _send(client, other, key="k").json()["code"] == "idempotency_conflict"
        finished(client, first["bundles"][0]["job_id"])
        bundles = [job for job in client.get("/v1/jobs").json()["jobs"] if job["kind"] == "unpack-bundle"]
        assert len(bundles) == 1


@pytest.mark.parametrize("moment", ["the answer", "a file", "take-batch-0"])
def test_a_kill_in_the_middle_loses_and_doubles_nothing(server: Server, tmp_path: Path, moment: str) -> None:
    path = _zip(tmp_path / "x.zip", {f"{n}.md": _note(f"word{n}") for n in range(22)})
    with server.client() as client:
        (bundle,) = _send(client, path).json()["bundles"]
        if moment != "the answer":
            for name, data, _ in events(client, "GET", f"/v1/jobs/{bundle['job_id']}/events"):
                if name == "step.progress" if moment == "a file" else data.get("output") and data["step"] == moment:
                    break
        server.kill()
    server.start()
    with server.client() as client:
        finished(client, bundle["job_id"])
        files = client.get(f"/v1/bundles/{bundle['bundle_id']}").json()["files"]
        for file in files:
            finished(client, file["job_id"])
        assert [file["path"] for file in files] == [f"{n}.md" for n in range(22)]
        documents = client.get("/v1/documents", params={"limit": 200}).json()["documents"]
        assert sorted(each["metadata"]["path"] for each in documents) == sorted(f"{n}.md" for n in range(22))
        assert {each["id"] for each in documents} == {file["document_id"] for file in files}
    assert list((server.data_dir / "files" / "bundles").iterdir()) == []


def test_only_who_sent_it_and_admins_see_a_bundle(server: Server, tmp_path: Path) -> None:
    server.stop()
    add_key(server, "editor", Principal("main", "editor", roles=frozenset({Role.EDITOR})))
    add_key(server, "reader", Principal("main", "reader", roles=frozenset({Role.READER})))
    add_key(server, "rival", Principal("rival", "editor", roles=frozenset({Role.TENANT_ADMIN})))
    server.start()
    path = _zip(tmp_path / "x.zip", {"a.md": _note("zephyrine")})
    with server.client(secret("reader")) as reader:
        assert _send(reader, path).status_code == 403
    with server.client(secret("editor")) as editor:
        bundle = _unpacked(editor, path, readers="user:editor")
    for name, status in (("editor", 200), ("reader", 404), ("rival", 404), (None, 200)):
        with server.client(secret(name) if name else KEY) as client:
            assert client.get(f"/v1/bundles/{bundle['id']}").status_code == status
            assert client.get(f"/v1/jobs/{bundle['job']['id']}").status_code == status


def test_the_command_line_unpacks(server: Server, tmp_path: Path) -> None:
    path = _zip(tmp_path / "x.zip", {"a.md": _note("zephyrine"), "b.md": _note("quagmirist"), "c.md": b""})
    environment = {"CAIRN_URL": server.url, "CAIRN_API_KEY": KEY, "PATH": "/usr/bin"}
    program = [sys.executable, "-m", "app.cli", "ingest", str(path), "--unpack"]
    started = time.monotonic()
    shown, said = (
        subprocess.run([*program, *more], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        for more in ([], ["--json"])
    )
    assert time.monotonic() - started < 120
    assert shown.returncode == 1
    assert "2 of 3 files can be searched" in shown.stdout, shown.stderr
    assert "c.md" in shown.stderr
    assert "empty_file" in shown.stderr
    assert [job["status"] for job in json.loads(said.stdout)["document_jobs"]] == ["succeeded"] * 2
