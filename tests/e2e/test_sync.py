"""A watched folder: documents are as its files are, and only those who may set it up see it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.domain.access import Principal, Role
from tests.e2e.folders import WORDS, add, cairn, counts, documents, sync, titles, write
from tests.e2e.server import Server, add_key, finished, secret


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "root"
    (path / "papers").mkdir(parents=True)
    return path


@pytest.fixture
def server(tmp_path: Path, root: Path) -> Iterator[Server]:
    settings = {"CAIRN_SYNC_ROOTS": str(root), "CAIRN_SYNC_SETTLE_S": "0", "CAIRN_RETRY_WAIT_S": "0.2"}
    started = Server(tmp_path / "data", settings).start()
    yield started
    started.stop()


def test_new_changed_moved_and_removed_files(server: Server, root: Path) -> None:
    papers = root / "papers"
    one, two, three = (
        write(papers / name, word) for name, word in zip(("one.md", "deep/two.md", "three.txt"), WORDS, strict=False)
    )
    write(papers / "same.md", WORDS[1])  # the same bytes as two.md, and a document of its own
    for ignored in (".hidden.md", "~$lock.md", "draft.md.part", ".git/config.md"):
        write(papers / ignored, WORDS[5])
    (papers / "broken.pdf").write_bytes(b"%PDF-1.7\nno pdf\n%%EOF\n")
    (papers / "program.bin").write_bytes(bytes(range(256)))
    os.mkfifo(papers / "pipe.md")
    with server.client() as client:
        source = add(client, papers)
        assert counts(source) == {"files": 6, "new": 4, "refused": 2}
        assert [(each["path"], each["code"]) for each in source["problems"]] == [
            ("broken.pdf", "unreadable_file"),
            ("program.bin", "unsupported_type"),
        ]
        first = documents(client)
        assert set(first) == {"one.md", "deep/two.md", "three.txt", "same.md"}
        assert titles(client, WORDS[1]) == {"two.md", "same.md"}

        assert counts(sync(client, source)) == {"files": 6}
        assert documents(client) == first

        write(one, WORDS[3])
        two.rename(papers / "moved.md")
        three.unlink()
        assert counts(sync(client, source)) == {"files": 5, "changed": 1, "moved": 1, "removed": 1}
        second = documents(client)
        assert set(second) == {"one.md", "moved.md", "same.md"}
        assert second["one.md"]["id"] == first["one.md"]["id"]
        assert second["one.md"]["active_version_id"] != first["one.md"]["active_version_id"]
        moved = second["moved.md"]
        assert (moved["id"], moved["title"]) == (first["deep/two.md"]["id"], "moved")
        assert moved["active_version_id"] == first["deep/two.md"]["active_version_id"], "it was not ingested again"
        assert titles(client, WORDS[0]) == set()
        assert titles(client, WORDS[3]) == {"one.md"}
        assert titles(client, WORDS[1]) == {"moved.md", "same.md"}

        os.utime(one)  # touched, and yet the same
        assert counts(sync(client, source)) == {"files": 5}
        (papers / "program.bin").write_text("# Now it is text\n\nIt can be read at last, and is.\n")
        assert counts(sync(client, source)) == {"files": 5, "new": 1}
        assert sync(client, source, retry_problems=True)["problems"][0]["path"] == "broken.pdf"


def test_a_deleted_document_comes_back_only_when_its_file_changes_and_its_receipt_holds(
    server: Server, root: Path
) -> None:
    note = write(root / "papers" / "marzipanic-notes.md", "marzipanic")
    write(root / "papers" / "other.md", WORDS[1])
    with server.client() as client:
        source = add(client, root / "papers")
        deleted = client.delete(f"/v1/documents/{documents(client)[note.name]['id']}").json()
        finished(client, deleted["job_id"])
        assert client.get(f"/v1/erasures/{deleted['erasure_id']}").json()["status"] == "verified"
        sync(client, source)
        assert set(documents(client)) == {"other.md"}
        write(note, "marzipanic", times=7)
        assert counts(sync(client, source)) == {"files": 2, "new": 1}
        assert set(documents(client)) == {"other.md", note.name}
        note.unlink()
        sync(client, source)
        assert set(documents(client)) == {"other.md"}
        assert all(job["status"] == "succeeded" for job in client.get("/v1/jobs").json()["jobs"])


def test_links_lead_nowhere(server: Server, root: Path, tmp_path: Path) -> None:
    outside = write(tmp_path / "outside" / "secret.md", WORDS[2])
    papers = root / "papers"
    write(papers / "one.md", WORDS[0])
    (papers / "link.md").symlink_to(outside)
    (papers / "folder").symlink_to(outside.parent)
    (papers / "loop").symlink_to(papers)
    (papers / "key.md").symlink_to(server.data_dir / "first-key")
    (root / "sneaky").symlink_to(outside.parent)
    with server.client() as client:
        source = add(client, papers)
        assert counts(source) == {"files": 1, "new": 1}
        for path in (
            root / "sneaky",
            outside.parent,
            papers / "folder",
            Path("/"),
            root / ".." / "outside",
            root.parent,
        ):
            refused = client.post("/v1/collections/default/sources", json={"path": str(path)})
            assert (refused.status_code, refused.json()["code"]) == (400, "source_not_allowed"), path
        (papers / "deep").mkdir()
        write(papers / "deep/two.md", WORDS[1])
        sync(client, source)
        (papers / "deep/two.md").unlink()
        (papers / "deep").rmdir()
        (papers / "deep").symlink_to(outside.parent)  # what was a folder leads outside now
        write(outside.parent / "two.md", WORDS[2])
        assert counts(sync(client, source)) == {"files": 1, "removed": 1}
        assert titles(client, WORDS[2]) == set()


def test_removing_a_source_keeps_its_documents_or_takes_them_along(server: Server, root: Path) -> None:
    one, two = root / "papers", root / "notes"
    write(one / "one.md", WORDS[0])
    write(two / "two.md", WORDS[1])
    with server.client() as client:
        first, second = add(client, one), add(client, two)
        again = client.post("/v1/collections/default/sources", json={"path": str(one)})
        assert (again.status_code, again.json()["code"]) == (409, "source_exists")
        above = client.post("/v1/collections/default/sources", json={"path": str(root)})
        assert (above.status_code, above.json()["code"]) == (409, "source_exists")
        base = "/v1/collections/default/sources"
        assert client.delete(f"{base}/{first['id']}").status_code == 204
        assert set(documents(client)) == {"one.md", "two.md"}
        answer = client.delete(f"{base}/{second['id']}", params={"documents": True})
        assert answer.status_code == 202
        finished(client, answer.json()["id"])
        assert set(documents(client)) == {"one.md"}
        assert client.get(base).json() == {"sources": []}
        for path in (f"{base}/{second['id']}", f"{base}/src_never"):
            assert client.get(path).json()["code"] == "source_not_found"


def test_another_tenant_sees_no_source_and_watches_no_folder(server: Server, root: Path) -> None:
    write(root / "papers" / "one.md", WORDS[0])
    with server.client() as client:
        source = add(client, root / "papers")
    server.stop()
    add_key(server, "rival", Principal("rival", "spy", roles=frozenset({Role.TENANT_ADMIN})))
    add_key(server, "editor", Principal("main", "editor", roles=frozenset({Role.EDITOR})))
    server.start()
    base = "/v1/collections/default/sources"
    with server.client(secret("rival")) as rival:
        assert rival.get(base).json() == {"sources": []}
        for answer in (
            rival.get(f"{base}/{source['id']}"),
            rival.delete(f"{base}/{source['id']}"),
            rival.post(f"{base}/{source['id']}/sync"),
            rival.get(f"/v1/jobs/{source['job']['id']}"),
        ):
            assert answer.status_code == 404
        off = rival.post(base, json={"path": str(root / "papers")})
        assert (off.status_code, off.json()["code"]) == (409, "sync_off")
        assert "CAIRN_SYNC_ROOTS" in off.json()["detail"]
    with server.client(secret("editor")) as editor:
        assert editor.get(base).status_code == 403
        assert editor.get(f"/v1/jobs/{source['job']['id']}").status_code == 404
        assert len(editor.get("/v1/documents").json()["documents"]) == 1


def test_the_command_line_watches_a_folder(server: Server, root: Path) -> None:
    write(root / "papers" / "one.md", WORDS[0])
    added = cairn(server, "sources", "add", str(root / "papers"))
    assert added.returncode == 0, added.stderr
    assert "1 new" in added.stdout
    (root / "papers" / "program.bin").write_bytes(bytes(range(256)))
    (source,) = json.loads(cairn(server, "sources", "list", "--json").stdout)["sources"]
    synced = cairn(server, "sources", "sync", source["id"])
    assert synced.returncode == 0, synced.stderr
    assert "program.bin" in synced.stderr
    assert "unsupported_type" in synced.stderr
    assert str(root / "papers") in cairn(server, "sources", "list").stdout.replace("\n", "")
    assert cairn(server, "sources", "remove", source["id"], "--documents").returncode == 0
    refused = cairn(server, "sources", "add", "/etc")
    assert refused.returncode == 1
    assert "source_not_allowed" in refused.stderr
