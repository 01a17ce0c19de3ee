"""However a job ends, it ends: with a reason, a way to try again, and nothing left lying about."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pymupdf

from app.adapters.sql import SqlCatalog
from pipelines.domain.access import ApiKey, Principal, Role
from tests.e2e.server import Server, events, finished, upload


def _without_text(path: Path) -> Path:
    with pymupdf.open() as document:
        document.new_page().draw_rect((50, 50, 200, 200))
        document.save(path)
    return path


def _files(server: Server, version_id: str) -> set[str]:
    root = server.data_dir / "files"
    return {path.relative_to(root).parts[0] for path in root.rglob("*") if path.is_file() and version_id in str(path)}


def test_a_file_without_text_fails_with_its_reason_and_can_be_retried(
    server: Server, client: httpx.Client, tmp_path: Path
) -> None:
    document = upload(client, _without_text(tmp_path / "scan.pdf"))
    job = finished(client, document["job_id"], "failed")
    assert job["error"]["code"] == "unreadable_file"
    assert "tesseract-ocr" in job["error"]["detail"]
    assert [step["status"] for step in job["steps"]][-1] == "failed"
    assert client.get(f"/v1/documents/{document['document_id']}").json()["status"] == "failed"
    assert "parsed" not in _files(server, document["version_id"])
    assert "originals" in _files(server, document["version_id"])

    retried = client.post(f"/v1/jobs/{document['job_id']}/retry")
    assert (retried.status_code, retried.json()["status"], retried.json()["run"]) == (202, "queued", 2)
    assert finished(client, document["job_id"], "failed")["run"] == 2
    same = upload(client, tmp_path / "scan.pdf")  # uploading it again is trying again
    assert (same["job_id"], same["duplicate"]) == (document["job_id"], True)
    assert finished(client, document["job_id"], "failed")["run"] == 3


def test_deleting_during_ingest_leaves_nothing(server: Server, client: httpx.Client, tmp_path: Path) -> None:
    note = tmp_path / "long.md"
    note.write_text(
        "\n\n".join(f"## Part {n}\n\nThe quokkatron of part {n} hums. " + "It hums on. " * 60 for n in range(200))
    )
    document = upload(client, note)
    for name, data, _ in events(client, "GET", f"/v1/jobs/{document['job_id']}/events"):
        if (name, data.get("step")) == ("step.completed", "chunk-document"):
            break
    deleted = client.delete(f"/v1/documents/{document['document_id']}")
    assert deleted.status_code == 202
    assert client.get(f"/v1/jobs/{document['job_id']}").status_code == 404
    finished(client, deleted.json()["job_id"])
    assert _files(server, document["version_id"]) == set()
    found = client.post("/v1/search", json={"query": "Where does the quokkatron hum?"}).json()["passages"]
    assert document["document_id"] not in {passage["document_id"] for passage in found}


def test_another_tenant_sees_nothing_of_this_one(server: Server, client: httpx.Client, tmp_path: Path) -> None:
    note = tmp_path / "secret.md"
    note.write_text("# Plan\n\nThe vault of the first tenant opens at noon.\n")
    document = upload(client, note)
    finished(client, document["job_id"])
    _add_key(server, "other-tenant", "key-of-the-other-tenant", Role.TENANT_ADMIN)
    with server.client("key-of-the-other-tenant") as stranger:
        assert stranger.get("/v1/documents").json()["documents"] == []
        assert stranger.get("/v1/jobs").json()["jobs"] == []
        for path in (f"documents/{document['document_id']}", f"jobs/{document['job_id']}"):
            assert stranger.get(f"/v1/{path}").status_code == 404
        assert stranger.delete(f"/v1/documents/{document['document_id']}").status_code == 404
        assert upload(stranger, note)["document_id"] != document["document_id"]  # known bytes are told to nobody
        found = stranger.post("/v1/search", json={"query": "When does the vault open?"})
        assert document["document_id"] not in {passage["document_id"] for passage in found.json()["passages"]}


def test_a_key_that_may_only_read_cannot_change_anything(server: Server, tmp_path: Path) -> None:
    note = tmp_path / "note.md"
    note.write_text("# Note\n\nText.\n")
    _add_key(server, "main", "key-that-may-only-read", Role.READER)
    with server.client("key-that-may-only-read") as reader:
        refused = reader.post("/v1/documents", files={"file": ("note.md", note.read_bytes())})
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        assert reader.post("/v1/collections", json={"name": "mine"}).status_code == 403
        assert reader.get("/v1/documents").status_code == 200


def test_a_document_for_named_readers_is_invisible_to_others(
    server: Server, client: httpx.Client, tmp_path: Path
) -> None:
    note = tmp_path / "board.md"
    note.write_text("# Board\n\nThe merger with the walrusworks is planned for spring.\n")
    document = upload(client, note, readers="group:board")
    finished(client, document["job_id"])
    _add_key(server, "main", "key-of-a-colleague-in-another-group", Role.TENANT_ADMIN, user="someone-else")
    query = {"query": "What is planned with the walrusworks?"}
    with server.client("key-of-a-colleague-in-another-group") as colleague:
        found = colleague.post("/v1/search", json=query).json()["passages"]
        assert document["document_id"] not in {passage["document_id"] for passage in found}
        assert colleague.get(f"/v1/documents/{document['document_id']}").status_code == 404
    found = client.post("/v1/search", json=query).json()["passages"]
    assert document["document_id"] in {passage["document_id"] for passage in found}


def _add_key(server: Server, tenant: str, secret: str, role: Role, user: str = "someone") -> None:
    at = datetime.now(UTC)
    catalog = SqlCatalog(f"sqlite:///{server.data_dir / 'catalog.sqlite3'}")
    catalog.open()
    with catalog.begin() as uow:
        uow.keys.add_tenant(tenant, tenant, at)
        digest = hashlib.sha256(secret.encode()).hexdigest()
        uow.keys.add(ApiKey(f"key_{digest[:8]}", "test", digest, Principal(tenant, user, roles=frozenset({role})), at))
    catalog.close()
