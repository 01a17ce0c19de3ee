"""What goes wrong with a watched folder: nothing is deleted by mistake, and nothing is lost or doubled."""

from __future__ import annotations

import os
import struct
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pymupdf
import pytest

from pipelines.domain.erasure import erasure_id
from tests.e2e.folders import WORDS, add, cairn, counts, documents, killed_during_a_pass, settled, sync, write
from tests.e2e.server import Server, events, finished


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


def test_a_file_that_breaks_its_reader_keeps_no_other_out(server: Server, root: Path) -> None:
    hostile = root / "papers" / "a.docx"
    with zipfile.ZipFile(hostile, "w") as file:
        file.writestr("word/document.xml", "<a/>")
    content = bytearray(hostile.read_bytes())
    struct.pack_into(
        "<L", content, content.rindex(b"PK\x05\x06") + 12, 40_000
    )  # a directory that begins before the file
    hostile.write_bytes(content)
    write(root / "papers" / "b.md", WORDS[0])
    blank = root / "papers" / "c.pdf"
    with pymupdf.open() as drawn:
        drawn.new_page()
        drawn.save(blank)
    with server.client() as client:
        source = add(client, root / "papers")
        assert counts(source) == {"files": 3, "new": 2, "refused": 1}
        assert [each["path"] for each in source["problems"]] == ["a.docx", "c.pdf"]
        assert source["problems"][1]["code"] == "unreadable_file"
        hostile.unlink()
        blank.unlink()
        write(hostile.with_suffix(".md"), WORDS[1])
        source = sync(client, source)
        assert source["problems"] == []
        assert set(documents(client)) == {"a.md", "b.md"}


def test_an_unmounted_folder_deletes_nothing(server: Server, root: Path) -> None:
    papers = root / "papers"
    for number in range(44):
        write(papers / f"note-{number}.md", f"word{number}", times=1)
    with server.client() as client:
        source = add(client, papers)
        before = documents(client)
        assert len(before) == 44

        papers.rename(root / "elsewhere")
        failed = sync(client, source, "failed")
        assert failed["job"]["error"]["code"] == "source_missing"
        papers.mkdir()  # what a mount leaves behind
        failed = sync(client, source, "failed")
        assert failed["job"]["error"]["code"] == "source_missing"
        assert "accept_removals" in failed["job"]["error"]["detail"]
        for number in range(20):
            write(papers / f"note-{number}.md", f"word{number}", times=1)
        failed = sync(client, source, "failed")
        assert failed["job"]["error"]["code"] == "source_shrunk"
        assert documents(client) == before

        assert counts(sync(client, source, accept_removals=True))["removed"] == 24
        assert len(documents(client)) == 20
        for path in papers.iterdir():
            path.unlink()
        assert sync(client, source, "failed")["job"]["error"]["code"] == "source_missing"
        assert len(documents(client)) == 20


def test_a_folder_that_cannot_be_read_for_now_keeps_its_documents(server: Server, root: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read every folder")
    papers = root / "papers"
    write(papers / "one.md", WORDS[0])
    write(papers / "closed/two.md", WORDS[1])
    with server.client() as client:
        source = add(client, papers)
        (papers / "closed").chmod(0)
        assert counts(sync(client, source)) == {"files": 1, "unreadable": 1}
        assert len(documents(client)) == 2
        (papers / "closed").chmod(0o700)


@pytest.mark.parametrize("moment", ["list-files", "a file", "fetch-batch-0", "remove-batch-0"])
def test_a_kill_in_the_middle_of_a_pass_loses_and_doubles_nothing(server: Server, root: Path, moment: str) -> None:
    papers = root / "papers"
    for number in range(16):
        write(papers / f"note-{number}.md", f"word{number}", times=2)
    with server.client() as client:
        source = add(client, papers)
        before = documents(client)
        for number in range(4):
            (papers / f"note-{number}.md").unlink()
            (papers / f"note-{number + 4}.md").rename(papers / f"moved-{number}.md")
            write(papers / f"note-{number + 8}.md", f"changed{number}", times=2)
        for number in range(16):
            write(papers / f"new-{number}.md", f"fresh{number}", times=2)
        job_id = killed_during_a_pass(server, client, source, moment)
    server.start()
    with server.client() as client:
        finished(client, job_id)
        settled(client, source["id"])
        after = documents(client)
        assert set(after) == {path.name for path in papers.iterdir()}
        for number in range(4):
            assert after[f"moved-{number}.md"]["id"] == before[f"note-{number + 4}.md"]["id"]
        for number in range(8, 12):
            assert after[f"note-{number}.md"]["id"] == before[f"note-{number}.md"]["id"]
            assert after[f"note-{number}.md"]["active_version_id"] != before[f"note-{number}.md"]["active_version_id"]
        for number in range(12, 16):
            assert after[f"note-{number}.md"] == before[f"note-{number}.md"]
        assert {each["status"] for each in after.values()} == {"ready"}
        assert counts(sync(client, source)) == {"files": 28}


def test_a_file_that_was_just_written_waits(tmp_path: Path, root: Path) -> None:
    settings = {"CAIRN_SYNC_ROOTS": str(root), "CAIRN_SYNC_SETTLE_S": "600"}
    server = Server(tmp_path / "data", settings).start()
    try:
        old = write(root / "papers" / "old.md", WORDS[0])
        write(root / "papers" / "young.md", WORDS[1])
        os.utime(old, (time.time() - 3_600,) * 2)
        with server.client() as client:
            source = add(client, root / "papers")
            assert counts(source) == {"files": 2, "new": 1, "waiting": 1}
            assert set(documents(client)) == {"old.md"}
    finally:
        server.stop()


def test_a_whole_folder_goes_and_every_document_of_it_has_its_receipt(server: Server, root: Path) -> None:
    papers = root / "papers"
    write(papers / "stays.md", WORDS[0])
    for number in range(6):
        write(papers / "krakenwardian" / f"quokkatron-{number}.md", "krakenwardian quokkatron", times=3 + number)
    with server.client() as client:
        source = add(client, papers)
        before = documents(client)
        for path in (papers / "krakenwardian").iterdir():
            path.unlink()
        assert counts(sync(client, source)) == {"files": 1, "removed": 6}
        for path, document in before.items():
            if path != "stays.md":
                receipt = client.get(f"/v1/erasures/{erasure_id(document['id'])}").json()
                assert receipt["status"] == "verified", path


def test_a_source_that_is_removed_during_a_pass_takes_its_documents_along(server: Server, root: Path) -> None:
    for number in range(25):
        write(root / "papers" / f"note-{number}.md", f"word{number}", times=1)
    with server.client() as client:
        base = "/v1/collections/default/sources"
        source = client.post(base, json={"path": str(root / "papers")}).json()
        for name, _, _ in events(client, "GET", f"/v1/jobs/{source['job']['id']}/events"):
            if name == "step.progress":
                break
        removed = cairn(server, "sources", "remove", source["id"], "--documents")
        assert removed.returncode == 0, removed.stderr
        assert client.get(base).json() == {"sources": []}
        assert client.get("/v1/documents").json()["documents"] == []
