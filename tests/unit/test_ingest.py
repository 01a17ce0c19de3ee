"""What `cairn ingest` remembers, when a file has settled, and how a pass ends that cannot go on."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

from app.cli.exits import Exit
from app.cli.ingest.journal import Journal
from app.cli.ingest.passes import Passes
from app.cli.ingest.sending import Wanted
from app.cli.ingest.watching import Settled
from app.client import Cairn, Retries
from tests.fakes.replies import Reply, serving


def _journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.jsonl")


def test_a_journal_holds_what_was_said_last_also_after_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    with _journal(tmp_path) as journal:
        journal.put(path, "1" * 64, "doc_1", None)
        journal.put(path, "2" * 64, "doc_1", ["user:b", "group:a"])
    with (tmp_path / "journal.jsonl").open("a") as file:
        file.write('{"path": "/torn')
    with _journal(tmp_path) as journal:
        entry = journal.get(path)
        assert entry is not None
        assert (entry.sha256, entry.readers) == ("2" * 64, ["group:a", "user:b"])
        journal.put(tmp_path / "b.md", "3" * 64, "doc_2", None)
    with _journal(tmp_path) as journal:
        assert journal.get(tmp_path / "b.md") is not None
        journal.forget(path)
        assert journal.get(path) is None
    assert (tmp_path / "journal.jsonl").stat().st_mode & 0o077 == 0


def test_a_journal_does_not_grow_for_ever(tmp_path: Path) -> None:
    with _journal(tmp_path) as journal:
        for number in range(3_000):
            journal.put(tmp_path / "log.md", f"{number:064}", "doc_1", None)
    with _journal(tmp_path) as journal:
        journal.put(tmp_path / "other.md", "1" * 64, "doc_2", None)
    lines = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    assert [line["document_id"] for line in lines] == ["doc_1", "doc_2"]
    assert lines[0]["sha256"] == f"{2_999:064}"


def test_a_document_of_two_files_is_neithers_alone(tmp_path: Path) -> None:
    first, second = tmp_path / "a.md", tmp_path / "b.md"
    first.write_text("same")
    second.write_text("same")
    with _journal(tmp_path) as journal:
        journal.put(first, "1" * 64, "doc_1", None)
        assert journal.alone(first, "doc_1")
        journal.put(second, "1" * 64, "doc_1", None)
        assert not journal.alone(first, "doc_1")
        second.unlink()
        assert journal.alone(first, "doc_1"), "the other one is gone"
        assert dict(journal.under(tmp_path)) == {first: "doc_1", second: "doc_1"}
        assert dict(journal.under(tmp_path / "elsewhere")) == {}


def test_a_file_settles_when_nobody_has_written_it_for_a_while(tmp_path: Path) -> None:
    now = 0.0
    path = tmp_path / "growing.md"
    settled = Settled(2.0, lambda: now)
    path.write_text("a")
    assert settled.among([path]) == ([], True)
    now = 1.5
    path.write_text("ab")
    os.utime(path, ns=(1, 1))  # a copy that keeps the times of the original
    assert settled.among([path]) == ([], True)
    now = 3.0
    assert settled.among([path]) == ([], True)
    now = 3.5
    assert settled.among([path]) == ([path], False)
    assert settled.among([path]) == ([], False)
    path.unlink()
    assert settled.among([path]) == ([], False)


def test_a_pass_that_cannot_go_on_tells_what_it_did(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.md" for number in range(3)]
    for file in files:
        file.write_text(file.name)
    uploaded = {
        "document_id": "doc_1",
        "version_id": "v",
        "job_id": "j",
        "filename": "0.md",
        "duplicate": False,
        "links": {},
    }
    replies = (
        Reply(200, '{"documents": [], "next_cursor": null}'),
        Reply(202, json.dumps({"documents": [uploaded], "bundles": []})),
        Reply(401, '{"code": "unauthenticated", "detail": "The key ended."}'),
        Reply(401, '{"code": "unauthenticated", "detail": "The key ended."}'),
    )
    with serving(*replies) as (address, _), _journal(tmp_path) as journal:
        client = Cairn(address, "secret", retries=Retries(attempts=1))
        passes = Passes(client, journal, Wanted("default", parallel=1), threading.Event(), wait=False, quiet=True)
        outcome = passes.run(files)
        assert journal.get(files[0]) is not None
    assert outcome.exit is Exit.NO_ACCESS
    told = outcome.as_json()
    assert (told["error"], told["interrupted"]) == ("The key ended. (unauthenticated)", False)
    assert outcome.left >= 2
