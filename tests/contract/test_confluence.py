"""The promises of SourceReader (pipelines/ports.py) for Confluence, and who reads its pages, on a stand-in that may misbehave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.adapters.confluence import Confluence
from app.adapters.source_connections import Connections
from pipelines.domain.errors import CairnError, FileTooLarge
from pipelines.domain.intake_errors import (
    FileBlocked,
    FileUnavailable,
    SourceMissing,
    SourceNotAllowed,
    SourceUnavailable,
)
from pipelines.domain.sources import ListedFile, Seen
from tests.fakes import confluence as fake
from tests.fakes.confluence import TOKEN, Page
from tests.fakes.http_server import Reply, json_reply

NOTHING = Seen(lambda _: "")
PLACE = "confluence:wiki/ENG"


@pytest.fixture
def wiki() -> Iterator[fake.Confluence]:
    with fake.confluence() as found:
        yield found


def _source(wiki: fake.Confluence, folder: Path, more: str = "", token: str = TOKEN, size: int = 10**6) -> Confluence:
    file = folder / "connections.toml"
    file.write_text(
        f'[wiki]\nkind = "confluence"\nurl = "{wiki.url}"\ntoken = "{token}"\nrequests_per_s = 1000\n{more}'
    )
    return Confluence(Connections.load(file, "acme"), folder / "incoming", size)


def _readers(source: Confluence) -> dict[str, tuple[str, ...] | None]:
    return {file.path: file.readers for file in source.listing("acme", PLACE, NOTHING).files}


def _read(source: Confluence, file: ListedFile) -> tuple[str, bytes, ListedFile]:
    with source.open("acme", PLACE, file) as content:
        return content.name, content.stream.read(), content.listed


def test_all_pages_and_attachments_of_a_space_are_listed_and_read(wiki: fake.Confluence, tmp_path: Path) -> None:
    code = (
        '<ac:structured-macro><ac:parameter ac:name="language">py</ac:parameter><ac:plain-text-body><![CDATA[a < b]]>'
    )
    wiki.pages = {str(number): Page(f"Page {number}", f"<p>Text {number}</p>") for number in range(8)}
    wiki.pages["1"].body = f"<p>Code:</p>{code}</ac:plain-text-body></ac:structured-macro>"
    wiki.pages["1"].attachments = {f"att{n}": (f"File {n}.md", f"# File {n}".encode(), n + 1) for n in range(5)}
    wiki.pages["9"] = Page("Elsewhere", "<p>x</p>", space="OPS")
    source = _source(wiki, tmp_path)
    assert source.allowed("acme", f"{PLACE}/") == PLACE
    files = {file.path: file for file in source.listing("acme", PLACE, NOTHING).files}
    assert set(files) == {f"pages/{n}" for n in range(8)} | {f"attachments/att{n}" for n in range(5)}
    name, content, opened = _read(source, files["pages/1"])
    assert (name, opened) == ("Page 1.html", files["pages/1"])
    assert content.decode().endswith(
        "<h1>Page 1</h1><p>Code:</p><ac:structured-macro><pre>a &lt; b</pre></ac:structured-macro>"
    )
    name, content, opened = _read(source, files["attachments/att4"])
    assert (name, content, opened) == ("File 4.md", b"# File 4", files["attachments/att4"])
    assert (opened.etag, opened.title, opened.url.startswith(wiki.url)) == ("v5", "File 4.md", True)
    assert wiki.server is not None
    assert not any("view" in request.query.get("expand", "") for request in wiki.server.asked), (
        "rendered it shows others"
    )
    wiki.pages["1"].write("<p>New</p>", "Renamed")
    now = {file.path: file for file in source.listing("acme", PLACE, NOTHING).files}
    assert (now["pages/1"].etag, now["pages/1"].title) == ("v2", "Renamed")
    del wiki.pages["2"]
    wiki.pages["3"].space = "OPS"
    assert not source.exists("acme", PLACE, "pages/2")
    assert not source.exists("acme", PLACE, "pages/3"), "it moved to another space"
    assert source.exists("acme", PLACE, "pages/4")
    assert source.exists("acme", PLACE, "attachments/att0")
    for path in ("pages/2", "attachments/never", "pages/../../x"):
        with pytest.raises(FileNotFoundError):
            _read(source, ListedFile(path, -1, -1))
    with pytest.raises(FileTooLarge):
        _read(_source(wiki, tmp_path, size=4), files["attachments/att4"])


def test_readers_are_who_views_the_space_and_is_on_every_list_above(wiki: fake.Confluence, tmp_path: Path) -> None:
    wiki.viewers = [("group", "staff"), ("user", "guest")]
    wiki.members = {"staff": ["ada", "bob", "eve"], "board": ["ada", "zoe"], "legal": ["bob"]}
    wiki.pages = {
        "open": Page("Open", ""),
        "ada": Page("For Ada", "", users=("ada",)),
        "stranger": Page("For somebody who does not view the space", "", users=("zoe", "guest")),
        "staff": Page("For a group that views it", "", groups=("staff",)),
        "board": Page("For a group, some of whose members view it", "", groups=("board",)),
        "above": Page("Above", "", users=("ada", "bob")),
        "below": Page("Below", "", parent="above"),
        "deep": Page("Deep", "", parent="below", groups=("legal",)),
        "deeper": Page("Deeper", "", parent="deep", users=("ada",)),
    }
    wiki.pages["below"].attachments = {"att1": ("a.md", b"x", 1)}
    assert _readers(_source(wiki, tmp_path)) == {
        "pages/open": ("group:staff", "user:guest"),
        "pages/ada": ("user:ada",),
        "pages/stranger": ("user:guest",),
        "pages/staff": ("group:staff",),
        "pages/board": ("user:ada",),
        "pages/above": ("user:ada", "user:bob"),
        "pages/below": ("user:ada", "user:bob"),
        "attachments/att1": ("user:ada", "user:bob"),
        "pages/deep": ("user:bob",),
        "pages/deeper": (),
    }


def test_a_list_that_cannot_be_had_closes_what_it_is_about(wiki: fake.Confluence, tmp_path: Path) -> None:
    wiki.pages = {
        "open": Page("Open", ""),
        "board": Page("For a group nobody may look into", "", groups=("board",)),
        "staff": Page("Same group", "", groups=("staff",)),
    }
    assert _readers(_source(wiki, tmp_path)) == {
        "pages/open": ("group:staff",),
        "pages/board": (),
        "pages/staff": ("group:staff",),
    }
    wiki.viewers = None  # before 9.1
    closed = _readers(_source(wiki, tmp_path))
    assert set(closed.values()) == {()}
    said = _readers(_source(wiki, tmp_path, 'space_readers = ["group:staff"]'))
    assert said["pages/open"] == ("group:staff",)
    wiki.viewers = [("user", "ada"), ("group", "staff"), ("robot", "x")]
    wiki.faults["/rest/api/user"] = Reply(404)
    assert _readers(_source(wiki, tmp_path))["pages/open"] == ("group:staff",)
    wiki.viewers = []
    assert set(_readers(_source(wiki, tmp_path)).values()) == {()}


def test_a_page_whose_ancestor_is_hidden_is_closed(wiki: fake.Confluence, tmp_path: Path) -> None:
    wiki.pages = {"above": Page("Above", "", space="OPS"), "below": Page("Below", "", parent="above")}
    assert _readers(_source(wiki, tmp_path)) == {"pages/below": ()}


def test_everybody_is_who_the_operator_says_or_the_space_lets_in_unnamed(wiki: fake.Confluence, tmp_path: Path) -> None:
    wiki.pages = {"open": Page("Open", ""), "ada": Page("Ada's", "", users=("ada",))}
    everyone = {"pages/open": ("everyone",), "pages/ada": ("user:ada",)}
    assert _readers(_source(wiki, tmp_path, 'everyone = ["staff"]')) == everyone
    wiki.viewers = [("anonymous", "")]
    assert _readers(_source(wiki, tmp_path)) == everyone


@pytest.mark.parametrize(
    ("path", "reply", "error"),
    [
        ("/rest/api/content", Reply(500), SourceUnavailable),
        ("/rest/api/content", Reply(429, headers={"Retry-After": "3600"}), SourceUnavailable),
        ("/rest/api/content", Reply(200, b"<html>Log in</html>"), SourceUnavailable),
        ("/rest/api/content", Reply(200, b'{"results": [{"id": 1}]}'), SourceUnavailable),
        ("/rest/api/content", Reply(200, b"[" * 100_000), SourceUnavailable),
        ("/rest/api/content", Reply(200, b"{}" * 999, cut=5), SourceUnavailable),
        ("/rest/api/content", Reply(302, headers={"Location": "http://169.254.169.254/"}), FileBlocked),
        ("/rest/api/space/ENG", Reply(404), SourceMissing),
        ("/rest/api/space/ENG", Reply(403), SourceMissing),
        ("/rest/api/content/1", Reply(500), SourceUnavailable),
        ("/rest/api/content/1", Reply(403), FileUnavailable),
        ("/rest/api/content/1", Reply(200, b"{}"), SourceUnavailable),
        (
            "/rest/api/content/att1",
            Reply(
                200,
                b'{"id": "att1", "title": "x", "version": {"number": 1, "when": "2026-01-01"}, "_links": {"download": "http://169.254.169.254/x"}}',
            ),
            FileBlocked,
        ),
    ],
)
def test_what_fails_is_said_and_nothing_is_listed_as_gone(
    wiki: fake.Confluence, tmp_path: Path, path: str, reply: Reply, error: type[CairnError]
) -> None:
    wiki.pages = {"1": Page("One", "<p>x</p>", attachments={"att1": ("a.md", b"x", 1)})}
    wiki.faults[path] = reply
    source = _source(wiki, tmp_path)
    with pytest.raises(error):
        if path.startswith("/rest/api/content/"):
            kind = "attachments" if "att" in path else "pages"
            _read(source, ListedFile(f"{kind}/{path.rpartition('/')[2]}", -1, -1))
        else:
            source.listing("acme", PLACE, NOTHING)


@pytest.mark.parametrize("download", ["http://169.254.169.254/x", "@169.254.169.254/x", "x", "http://127.0.0.1:9/x"])
def test_an_attachment_is_fetched_from_the_wiki_alone(wiki: fake.Confluence, tmp_path: Path, download: str) -> None:
    found = {
        "id": "att1",
        "title": "x",
        "version": {"number": 1, "when": "2026-01-01"},
        "_links": {"download": download},
    }
    wiki.faults["/rest/api/content/att1"] = json_reply(found)
    with pytest.raises(FileBlocked):
        _read(_source(wiki, tmp_path), ListedFile("attachments/att1", -1, -1))
    found["_links"] = {"download": "/download/x?next=http://169.254.169.254/"}
    wiki.faults |= {"/rest/api/content/att1": json_reply(found), "/download/x": Reply(200, b"content")}
    assert _read(_source(wiki, tmp_path), ListedFile("attachments/att1", -1, -1))[1] == b"content"


def test_a_page_that_is_removed_while_others_are_listed_costs_none_of_them(
    wiki: fake.Confluence, tmp_path: Path
) -> None:
    wiki.pages = {str(number): Page(f"Page {number}", "") for number in range(7)}
    source, answer = _source(wiki, tmp_path), wiki.answer

    def removing(request: fake.Request) -> Reply:
        if request.query.get("start") == "3":
            wiki.pages.pop("0", None)  # what follows moves up, and one is passed by
        return answer(request)

    assert wiki.server is not None
    wiki.server.answer = removing
    listed = {file.path for file in source.listing("acme", PLACE, NOTHING).files}
    (missed,) = {f"pages/{number}" for number in range(1, 7)} - listed
    assert source.exists("acme", PLACE, missed), "so it is not taken away"


def test_another_tenants_connection_and_a_wrong_account(wiki: fake.Confluence, tmp_path: Path) -> None:
    source = _source(wiki, tmp_path)
    for tenant, place in (
        ("rival", PLACE),
        ("acme", "confluence:other/ENG"),
        ("acme", "confluence:wiki"),
        ("acme", "confluence:wiki/ENG/../../x"),
        ("acme", "confluence:wiki/E G"),
    ):
        with pytest.raises(SourceNotAllowed):
            source.allowed(tenant, place)
    with pytest.raises(SourceMissing):
        _source(wiki, tmp_path, token="wrong").allowed("acme", PLACE)
    for text in ("", 'user = "a"\n', 'token = "x"\nspace_readers = ["bob"]\n', 'token = "x"\nurl = "ftp://x"\n'):
        file = tmp_path / "bad.toml"
        file.write_text(f'[wiki]\nkind = "confluence"\n{"" if "url" in text else f"url = {wiki.url!r}"}\n{text}')
        with pytest.raises(CairnError, match="CAIRN_SYNC_CONNECTIONS"):
            Connections.load(file, "acme")
