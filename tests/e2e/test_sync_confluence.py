"""A space of Confluence that is watched: documents are as its pages are, and are read by who reads those, from each pass on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
from tests.fakes.confluence import TOKEN, Confluence, Page, confluence
from tests.fakes.http_server import Reply

PLACE = "confluence:wiki/ENG"
GROUPS = {"ada": ["staff", "board"], "bob": ["staff"], "eve": ["guests"]}


@pytest.fixture
def wiki() -> Iterator[Confluence]:
    with confluence() as found:
        yield found


@pytest.fixture
def server(tmp_path: Path, wiki: Confluence) -> Iterator[Server]:
    file = tmp_path / "connections.toml"
    file.write_text(f'[wiki]\nkind = "confluence"\nurl = "{wiki.url}"\ntoken = "{TOKEN}"\nrequests_per_s = 500\n')
    settings = {"CAIRN_SYNC_CONNECTIONS": str(file), "CAIRN_RETRY_WAIT_S": "0.2"}
    started = Server(tmp_path / "data", settings).start()
    yield started
    started.stop()


@pytest.fixture
def people(server: Server) -> dict[str, str]:
    """Their keys."""
    return {name: reader_key(server, name, *groups) for name, groups in GROUPS.items()}


def _page(title: str, word: str, **more: Any) -> Page:
    return Page(title, f"<p>{f'The {word} rests in the northern archive. ' * 6}</p>", **more)


def _finds(server: Server, key: str, word: str) -> bool:
    with server.client(key) as client:
        return bool(titles(client, word))


def test_pages_come_change_are_renamed_and_go(server: Server, wiki: Confluence) -> None:
    wiki.pages = {
        "1": _page("One", WORDS[0], attachments={"att1": ("notes.md", b"# Notes\n\nThe obsidianite is attached.", 1)}),
        "2": _page("Two", WORDS[1]),
        "3": _page("Three", WORDS[2]),
    }
    with server.client() as client:
        source = add(client, PLACE)
        assert counts(source) == {"files": 4, "new": 4}
        first = by_title(client)
        assert set(first) == {"One", "Two", "Three", "notes.md"}
        assert first["One"]["metadata"] == {"path": "One", "url": f"{wiki.url}/spaces/ENG/pages/1"}
        assert counts(sync(client, source)) == {"files": 4}
        assert by_title(client) == first

        wiki.pages["1"].write(_page("", WORDS[3]).body)
        wiki.pages["2"].write(wiki.pages["2"].body, "Two, renamed")
        del wiki.pages["3"]
        wiki.pages["4"] = _page("Four", WORDS[4], parent="1")
        assert counts(sync(client, source)) == {"files": 4, "new": 1, "changed": 2, "removed": 1}
        second = by_title(client)
        assert set(second) == {"One", "Two, renamed", "Four", "notes.md"}
        assert second["Two, renamed"]["id"] == first["Two"]["id"]
        assert second["One"]["id"] == first["One"]["id"]
        assert titles(client, WORDS[3]) == {"One.html"}
        assert titles(client, WORDS[2]) == set()

        wiki.faults["/rest/api/content"] = Reply(200, b"<html>Please log in</html>")
        assert sync(client, source, "failed")["job"]["error"]["code"] == "source_unavailable"
        wiki.faults = {"/rest/api/space/ENG": Reply(404)}
        assert sync(client, source, "failed")["job"]["error"]["code"] == "source_missing"
        assert by_title(client) == second


def test_who_may_not_read_a_page_any_more_does_not_read_its_document_and_nothing_is_prepared_anew(
    server: Server, people: dict[str, str], wiki: Confluence
) -> None:
    wiki.pages = {
        "1": _page("Open", WORDS[0]),
        "2": _page("Board", WORDS[1], groups=("board",)),
        "3": _page("Below", WORDS[2], parent="2"),
    }
    wiki.members = {"staff": ["ada", "bob"], "board": ["ada"]}
    with server.client() as client:
        source = add(client, PLACE)
        assert [seen_by(server, people[name]) for name in ("ada", "bob", "eve")] == [
            {"Open", "Board", "Below"},
            {"Open"},
            set(),
        ]
        assert _finds(server, people["bob"], WORDS[0])
        assert not _finds(server, people["bob"], WORDS[2])
        before = by_title(client)

        wiki.pages["1"].users = ("ada",)  # restricted
        wiki.pages["2"].groups = ()  # opened, and so what is below it
        assert counts(sync(client, source)) == {"files": 3, "shared": 3}
        after = by_title(client)
        for title, document in before.items():
            assert after[title]["active_version_id"] == document["active_version_id"]
        assert [seen_by(server, people[name]) for name in ("ada", "bob", "eve")] == [
            {"Open", "Board", "Below"},
            {"Board", "Below"},
            set(),
        ]
        assert not _finds(server, people["bob"], WORDS[0])
        assert _finds(server, people["bob"], WORDS[2])
        assert counts(sync(client, source)) == {"files": 3}

        wiki.viewers = None  # it cannot be told any more who views the space
        assert counts(sync(client, source)) == {"files": 3, "shared": 3}
        assert [seen_by(server, people[name]) for name in ("ada", "bob", "eve")] == [set(), set(), set()]
        assert set(by_title(client)) == {"Open", "Board", "Below"}, "who added the source still reads them"
        rows = [json.loads(line) for line in client.get("/v1/admin/audit").text.splitlines()]
        assert sum(row["action"] == "share" for row in rows) == 6


def test_a_page_is_opened_to_others_only_with_the_text_that_they_may_read(
    server: Server, people: dict[str, str], wiki: Confluence
) -> None:
    wiki.pages = {"1": _page("Plan", WORDS[0], users=("ada",))}
    wiki.members = {"staff": ["ada", "bob"]}
    with server.client() as client:
        source = add(client, PLACE)
        wiki.pages["1"].write(_page("", WORDS[1]).body)  # what was secret is taken out, and then it is for all
        wiki.pages["1"].users = ()
        assert counts(sync(client, source)) == {"files": 1, "changed": 1, "shared": 1}
        assert not _finds(server, people["bob"], WORDS[0])
        assert counts(sync(client, source)) == {"files": 1, "shared": 1}
        assert _finds(server, people["bob"], WORDS[1])
        assert not _finds(server, people["bob"], WORDS[0])


@pytest.mark.parametrize("moment", ["list-files", "share-batch-0", "a file"])
def test_a_kill_in_the_middle_of_a_pass_leaves_nobody_with_what_they_lost(
    server: Server, people: dict[str, str], wiki: Confluence, moment: str
) -> None:
    wiki.pages = {str(number): _page(f"Page {number}", f"word{number}") for number in range(6)}
    wiki.members = {"staff": ["ada", "bob"]}
    with server.client() as client:
        source = add(client, PLACE)
        before = by_title(client)
        for number in range(3):
            wiki.pages[str(number)].users = ("ada",)
        wiki.pages["4"].write(_page("", "changed").body)
        del wiki.pages["5"]
        for number in range(10, 16):
            wiki.pages[str(number)] = _page(f"Page {number}", f"word{number}", users=("bob",))
        job_id = killed_during_a_pass(server, client, source, moment)
    server.start()
    if moment != "list-files":
        assert {f"Page {number}" for number in range(3)}.isdisjoint(seen_by(server, people["bob"])), (
            "this was done already"
        )
    with server.client() as client:
        finished(client, job_id)
        settled(client, source["id"])
        after = by_title(client)
        assert set(after) == {f"Page {number}" for number in (*range(5), *range(10, 16))}
        assert after["Page 0"]["active_version_id"] == before["Page 0"]["active_version_id"]
        assert {each["status"] for each in after.values()} == {"ready"}
    assert seen_by(server, people["ada"]) == {f"Page {number}" for number in range(5)}
    assert seen_by(server, people["bob"]) == {f"Page {number}" for number in (3, 4, *range(10, 16))}


def test_the_command_line_and_lists_that_nobody_overrides(
    server: Server, people: dict[str, str], wiki: Confluence
) -> None:
    wiki.pages = {"1": _page("One", WORDS[0])}
    refused = cairn(server, "sources", "add", PLACE, "--readers", "group:guests")
    assert (refused.returncode, "access lists of its own" in refused.stderr) == (1, True)
    added = cairn(server, "sources", "add", f"{PLACE}/")
    assert added.returncode == 0, added.stderr
    assert f"{PLACE}: 1 files, 1 new" in added.stdout
    with server.client() as client:
        (document,) = documents(client).values()
        (source,) = client.get("/v1/collections/default/sources").json()["sources"]
        shared = client.patch(f"/v1/documents/{document['id']}", json={"readers": ["group:guests"]})
        assert shared.status_code == 200
        assert seen_by(server, people["eve"]) == {"One"}
        assert counts(sync(client, source)) == {"files": 1, "shared": 1}
        assert seen_by(server, people["eve"]) == set()
    server.stop()
    for path in server.data_dir.rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path
