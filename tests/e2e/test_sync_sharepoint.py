"""A library of SharePoint that is watched: documents are as its files are, and are read by who reads those, from each pass on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.folders import (
    WORDS,
    add,
    by_title,
    cairn,
    counts,
    documents,
    killed_during_a_pass,
    reader_key,
    seen_by,
    settled,
    sync,
    titles,
)
from tests.e2e.server import Server, finished
from tests.fakes.http_server import Reply
from tests.fakes.sharepoint import DRIVE, SECRET, SharePoint, group, sharepoint, site_group, user

PLACE = "sharepoint:intranet/sites/finance"
GROUPS = {"ada": ["staff", "board"], "bob": ["staff", "finance"]}
STAFF, BOARD, MEMBERS = group("staff"), group("board"), site_group("Finance Members")
SITE_GROUPS = '[intranet.site_groups]\n"sites/finance/Finance Members" = ["group:finance"]\n'


@pytest.fixture
def cloud() -> Iterator[SharePoint]:
    with sharepoint() as found:
        yield found


@pytest.fixture
def server(tmp_path: Path, cloud: SharePoint) -> Iterator[Server]:
    file = tmp_path / "connections.toml"
    file.write_text(cloud.connection + SITE_GROUPS)
    settings = {"CAIRN_SYNC_CONNECTIONS": str(file), "CAIRN_RETRY_WAIT_S": "0.2"}
    started = Server(tmp_path / "data", settings).start()
    yield started
    started.stop()


@pytest.fixture
def people(server: Server) -> dict[str, str]:
    """Their keys."""
    return {name: reader_key(server, name, *groups) for name, groups in GROUPS.items()}


def _text(word: str) -> str:
    return f"# About {word}\n\n" + f"The {word} rests in the northern archive. " * 6


def test_files_come_change_are_renamed_restricted_and_go(
    server: Server, people: dict[str, str], cloud: SharePoint
) -> None:
    for id_, name, word, who in (
        ("1", "one.md", WORDS[0], STAFF),
        ("2", "two.md", WORDS[1], BOARD),
        ("3", "three.md", WORDS[2], MEMBERS),
        ("4", "four.md", WORDS[3], site_group("Visitors")),
    ):
        cloud.put(id_, name, _text(word), who)
    with server.client() as client:
        source = add(client, PLACE)
        assert counts(source) == {"files": 4, "new": 4}
        first = by_title(client)
        assert set(first) == {"one", "two", "three", "four"}
        assert [seen_by(server, people[name]) for name in ("ada", "bob")] == [{"one", "two"}, {"one", "three"}]
        assert counts(sync(client, source)) == {}, "nothing changed, and only changes are listed"
        assert cloud.asked_whole == 1

        cloud.put("1", "one.md", _text(WORDS[4]), STAFF)
        cloud.put("2", "renamed.md", _text(WORDS[1]), BOARD)
        cloud.share("3", BOARD)
        cloud.delete("4")
        cloud.put("5", "five.md", _text(WORDS[5]), user("bob"))
        assert counts(sync(client, source)) == {"files": 4, "new": 1, "changed": 1, "removed": 1, "shared": 1}
        second = by_title(client)
        assert set(second) == {"one", "renamed", "three", "five"}
        assert second["renamed"]["id"] == first["two"]["id"]
        assert second["three"]["active_version_id"] == first["three"]["active_version_id"]
        assert [seen_by(server, people[name]) for name in ("ada", "bob")] == [
            {"one", "renamed", "three"},
            {"one", "five"},
        ]
        assert titles(client, WORDS[4]) == {"one.md"}
        assert titles(client, WORDS[3]) == set()
        assert cloud.asked_whole == 1

        cloud.faults[f"/v1.0/drives/{DRIVE}/root/delta"] = Reply(403)
        assert sync(client, source, "failed")["job"]["error"]["code"] == "source_missing"
        cloud.faults.clear()
        cloud.oldest = 10**6
        cloud.items["1"].permissions = None
        assert counts(sync(client, source)) == {"files": 4, "shared": 1}, "the delta's memory was refused"
        assert by_title(client).keys() == second.keys()
        assert [seen_by(server, people[name]) for name in ("ada", "bob")] == [{"renamed", "three"}, {"five"}]


def test_a_kill_in_the_middle_of_a_pass_loses_no_change(
    server: Server, people: dict[str, str], cloud: SharePoint
) -> None:
    for number in range(6):
        cloud.put(str(number), f"{number}.md", _text(f"word{number}"), STAFF)
    with server.client() as client:
        source = add(client, PLACE)
        for number in range(10, 18):
            cloud.put(str(number), f"{number}.md", _text(f"word{number}"), STAFF)
        cloud.put("1", "1.md", _text("changed"), STAFF)
        cloud.share("2", BOARD)
        cloud.delete("3")
        job_id = killed_during_a_pass(server, client, source, "a file")
    server.start()
    with server.client() as client:
        finished(client, job_id)
        settled(client, source["id"])
        assert set(by_title(client)) == {"0", "1", "2", "4", "5", *(str(number) for number in range(10, 18))}
        assert titles(client, "changed") == {"1.md"}
        assert {each["status"] for each in documents(client).values()} == {"ready"}
        assert counts(sync(client, source)) == {}
    assert "2" not in seen_by(server, people["bob"])


def test_a_file_that_is_not_given_now_is_asked_for_again(server: Server, cloud: SharePoint) -> None:
    cloud.put("1", "one.md", _text(WORDS[0]), STAFF)
    cloud.put("2", "two.md", _text(WORDS[1]), STAFF)
    cloud.put("3", "three.md", _text(WORDS[2]), STAFF)
    cloud.faults[f"/v1.0/drives/{DRIVE}/items/1/content"] = Reply(500)
    cloud.faults[f"/v1.0/drives/{DRIVE}/items/2/content"] = Reply(423)
    with server.client() as client:
        source = add(client, PLACE)
        assert counts(source) == {"files": 3, "new": 1, "waiting": 2}
        problems = [(each["path"], each["code"]) for each in source["problems"]]
        assert problems == [("1", "source_unavailable"), ("2", "file_unavailable")]
        cloud.faults.clear()
        source = sync(client, source)
        assert counts(source) == {"files": 3, "new": 2}, "what was not done is listed again"
        assert source["problems"] == []


def test_the_command_line_and_nobody_sees_the_secret(server: Server, cloud: SharePoint) -> None:
    cloud.put("1", "one.md", _text(WORDS[0]), STAFF)
    added = cairn(server, "sources", "add", f"{PLACE}/Documents")
    assert added.returncode == 0, added.stderr
    assert f"{PLACE}/Documents: 1 files, 1 new" in added.stdout
    server.stop()
    for path in server.data_dir.rglob("*"):
        held = path.read_bytes() if path.is_file() else b""
        assert SECRET.encode() not in held, path
        assert f"token-{cloud.tokens}".encode() not in held, path
