"""The promises of SourceReader (pipelines/ports.py) for web sites, on a small site that may misbehave."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.adapters.web_source import Limits, WebSource
from pipelines.domain.errors import CairnError, FileTooLarge
from pipelines.domain.intake_errors import (
    FileBlocked,
    FileUnavailable,
    SourceMissing,
    SourceNotAllowed,
    SourceTooLarge,
    SourceUnavailable,
    SyncOff,
)
from pipelines.domain.sources import ListedFile, Listing, Seen
from tests.fakes.http_server import Reply
from tests.fakes.site import Site, html, site

NOTHING = Seen(lambda _: "")
LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]


@pytest.fixture
def web() -> Iterator[Site]:
    with site() as found:
        yield found


def _source(web: Site, folder: Path, **limits: float) -> WebSource:
    hosts = {"acme": [web.url.removeprefix("http://")]}
    return WebSource(hosts, LOOPBACK, folder, Limits(**{"requests_per_s": 1_000, **limits}))  # type: ignore[arg-type]


def _marks(listing: Listing) -> dict[str, str]:
    return {file.path: file.etag for file in listing.files}


def _seen(listing: Listing) -> Seen:
    marks = _marks(listing)
    return Seen(lambda path: marks.get(path, ""))


def _read(source: WebSource, place: str, file: ListedFile) -> tuple[str, str, bytes, ListedFile]:
    with source.open("acme", place, file) as content:
        return content.name, content.listed.title, content.stream.read(), content.listed


def test_links_are_followed_below_the_page_and_nowhere_else(web: Site, tmp_path: Path) -> None:
    web.robots = "User-agent: *\nDisallow: /docs/secret\n"
    web.pages = {
        "/docs/": html(
            "Start", "x", "a", "/docs/b.html#x", "/docs/secret", "/other", "http://127.0.0.1:9/x", "c?print=1"
        ),
        "/docs/a": html("A", "x", "deep/d", "gone", "../", "closed", "https://example.org/"),
        "/docs/b.html": html("B", "x", "a", "file.pdf", "//169.254.169.254/latest"),
        "/docs/deep/d": html("D", "x", "/docs/moved", "../away"),
        "/docs/moved": Reply(301, headers={"Location": "/docs/e"}),
        "/docs/away": Reply(301, headers={"Location": "/other"}),
        "/docs/e": html("E", "x"),
        "/docs/closed": Reply(403),
        "/docs/file.pdf": Reply(200, b"%PDF-1.7", {"Content-Type": "application/pdf"}),
        "/docs/secret": html("Secret", "x"),
        "/other": html("Other", "x"),
    }
    source = _source(web, tmp_path)
    place = source.allowed("acme", f"{web.url}/docs/#top")
    assert place == f"{web.url}/docs/"
    listing = source.listing("acme", place, NOTHING)
    paths = ["/docs/", "/docs/a", "/docs/b.html", "/docs/deep/d", "/docs/e", "/docs/file.pdf"]
    assert sorted(_marks(listing)) == paths
    assert listing.unreadable == ()
    assert _marks(source.listing("acme", place, _seen(listing))) == _marks(listing)
    files = {file.path: file for file in listing.files}
    name, title, content, opened = _read(source, place, files["/docs/a"])
    assert (name, title, content) == ("a.html", "A", web.pages["/docs/a"].encode())  # type: ignore[union-attr]
    assert (opened.etag, opened.size_bytes, opened.url) == (
        files["/docs/a"].etag,
        files["/docs/a"].size_bytes,
        f"{web.url}/docs/a",
    )
    name, title, content, opened = _read(source, place, files["/docs/file.pdf"])
    assert (name, title, content) == ("file.pdf", "", b"%PDF-1.7")
    assert (opened.etag, opened.size_bytes) == (files["/docs/file.pdf"].etag, 8)
    assert not [request for request in web.server.asked if request.path in ("/docs/secret",)]  # type: ignore[union-attr]


def test_pages_of_a_sitemap_are_asked_for_once_and_then_only_whether_they_changed(web: Site, tmp_path: Path) -> None:
    web.pages = {f"/p/{number}": html(f"P{number}", "x") for number in range(4)}
    web.sitemap("/one.xml.gz", "/p/0", "/p/1", packed=True)
    web.sitemap("/two.xml", "/p/2?x=1", "/p/3", "https://elsewhere.test/p/9", dates={"/p/3": "2026-11-01"})
    web.pages["/p/2?x=1"] = html("P2", "with a query")
    web.index("/sitemap.xml", "/one.xml.gz", "/two.xml", "http://169.254.169.254/three.xml")
    source, place = _source(web, tmp_path), f"{web.url}/sitemap.xml"
    assert source.allowed("acme", place) == place
    first = source.listing("acme", place, NOTHING)
    assert sorted(_marks(first)) == ["/p/0", "/p/1", "/p/2?x=1", "/p/3"]
    assert [path for path in web.sent if path.startswith("/p/")].count("/p/3") == 0, "its date is known"
    web.sent.clear()
    web.pages["/p/1"] = html("P1", "changed")
    second = source.listing("acme", place, _seen(first))
    assert [path for path in web.sent if path.startswith("/p/")] == ["/p/1"]
    assert {path for path, mark in _marks(second).items() if mark != _marks(first)[path]} == {"/p/1"}
    assert _read(source, place, ListedFile("/p/3", -1, -1, "lastmod:2026-11-01"))[3].etag == "lastmod:2026-11-01"


def test_what_has_no_mark_is_known_by_its_content(web: Site, tmp_path: Path) -> None:
    web.marks = False
    web.pages = {"/p/0": html("P0", "x"), "/p/1": html("P1", "x")}
    web.sitemap("/sitemap.xml", "/p/0", "/p/1")
    source = _source(web, tmp_path)
    for place in (f"{web.url}/sitemap.xml", f"{web.url}/p/0"):
        first = source.listing("acme", place, NOTHING)
        assert _marks(source.listing("acme", place, _seen(first))) == _marks(first)
        for file in first.files:
            opened = _read(source, place, file)[3]
            assert (opened.etag, opened.size_bytes, opened.mtime_ns) == (file.etag, file.size_bytes, file.mtime_ns)


def test_what_fails_is_kept_and_what_is_not_public_any_more_is_gone(web: Site, tmp_path: Path) -> None:
    web.pages = {
        "/": html("Start", "x", "a", "b", "c"),
        "/a": Reply(500),
        "/b": Reply(302, headers={"Location": "http://169.254.169.254/"}),
        "/c": Reply(401),
    }
    web.sitemap("/sitemap.xml", "/", "/a", "/b", "/c")
    source = _source(web, tmp_path)
    crawled = source.listing("acme", f"{web.url}/", NOTHING)
    assert ([file.path for file in crawled.files], set(crawled.unreadable)) == (["/"], {"/a", "/b", ""})
    mapped = source.listing("acme", f"{web.url}/sitemap.xml", NOTHING)
    assert ([file.path for file in mapped.files], set(mapped.unreadable)) == (["/"], {"/a", "/b"})
    for path, error in (("/a", FileUnavailable), ("/b", FileBlocked), ("/c", FileNotFoundError)):
        with pytest.raises(error):
            _read(source, f"{web.url}/", ListedFile(path, -1, -1))


def test_a_page_that_never_comes_keeps_no_other_out_and_a_site_that_is_down_is_said(web: Site, tmp_path: Path) -> None:
    torn = Reply(200, b"x" * 900, {"Content-Type": "text/html"}, cut=1)
    names = [f"/p{number}" for number in range(9)]
    web.pages = {name: html(name, "x") for name in names} | {"/": html("Start", "x", *names), "/p4": torn}
    web.sitemap("/sitemap.xml", *names)
    source = _source(web, tmp_path)
    for place, where in ((f"{web.url}/", {"/p4", ""}), (f"{web.url}/sitemap.xml", {"/p4"})):
        listing = source.listing("acme", place, NOTHING)
        assert {file.path for file in listing.files} - {"/"} == set(names) - {"/p4"}
        assert set(listing.unreadable) == where
    web.pages |= dict.fromkeys(names, torn)
    for path in ("/", "/sitemap.xml"):
        with pytest.raises(SourceUnavailable):
            source.listing("acme", web.url + path, NOTHING)


def test_limits_end_a_crawl_and_then_nothing_is_known_to_be_gone(web: Site, tmp_path: Path) -> None:
    web.pages = {f"/{number}": html(str(number), "x", str(number + 1)) for number in range(40)}
    web.sitemap("/sitemap.xml", *web.pages)
    listing = _source(web, tmp_path, pages=7).listing("acme", f"{web.url}/0", NOTHING)
    assert [file.path for file in listing.files] == ["/0"]
    web.pages["/"] = html("Start", "x", "0")
    listing = _source(web, tmp_path, pages=7).listing("acme", f"{web.url}/", NOTHING)
    assert (len(listing.files), listing.unreadable) == (7, ("",))
    with pytest.raises(SourceTooLarge):
        _source(web, tmp_path, pages=7).listing("acme", f"{web.url}/sitemap.xml", NOTHING)
    web.pages["/big"] = Reply(200, b"x" * 2_000, {"Content-Type": "text/plain"})
    with pytest.raises(FileTooLarge):
        _read(_source(web, tmp_path, file_bytes=1_999), f"{web.url}/", ListedFile("/big", -1, -1))
    web.pages["/endless"] = Reply(200, b"x" * 2_000, {"Content-Type": "text/html"}, endless=True)
    with pytest.raises(FileTooLarge):
        _read(_source(web, tmp_path, file_bytes=1_999_999), f"{web.url}/", ListedFile("/endless", -1, -1))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("robots", "start", "error"),
    [
        (None, Reply(500), SourceUnavailable),
        (None, Reply(404), SourceMissing),
        (None, Reply(403), SourceMissing),
        (None, Reply(200, b"x" * 1_000, cut=1), SourceUnavailable),
        (None, Reply(302, headers={"Location": "http://localhost/"}), SourceNotAllowed),
        (Reply(500), None, SourceUnavailable),
        ("User-agent: *\nDisallow: /\n", None, SourceNotAllowed),
        (Reply(200, b"x" * 10_000, endless=True), None, SourceUnavailable),
    ],
)
def test_a_site_that_cannot_be_read_is_no_empty_one(
    web: Site, tmp_path: Path, robots: str | Reply | None, start: Reply | None, error: type[CairnError]
) -> None:
    web.robots = robots
    for path in ("/docs/", "/sitemap.xml"):
        web.pages[path] = start or html("Start", "x")
        with pytest.raises(error):
            _source(web, tmp_path).allowed("acme", web.url + path)
        with pytest.raises(error):
            _source(web, tmp_path).listing("acme", web.url + path, NOTHING)


def test_a_broken_sitemap_deletes_nothing(web: Site, tmp_path: Path) -> None:
    web.pages["/broken.xml"] = Reply(200, b"<html>sorry</html>")
    web.index("/part.xml", "/never.xml")
    web.index("/bad.xml", "/broken.xml")
    for path in ("/broken.xml", "/part.xml", "/bad.xml"):
        with pytest.raises(SourceUnavailable):
            _source(web, tmp_path).listing("acme", web.url + path, NOTHING)


def test_only_hosts_that_the_operator_names_for_the_tenant(web: Site, tmp_path: Path) -> None:
    web.pages["/"] = html("Start", "x")
    source = _source(web, tmp_path)
    for tenant, place in (
        ("rival", f"{web.url}/"),
        ("acme", "http://localhost/"),
        ("acme", "http://169.254.169.254/latest/"),
        ("acme", f"{web.url}/?x=1"),
        ("acme", web.url.replace("http://", "http://u:p@") + "/"),
        ("acme", "https:///x"),
    ):
        with pytest.raises(SourceNotAllowed):
            source.allowed(tenant, place)
    with pytest.raises(SyncOff):
        WebSource({}, (), tmp_path, Limits()).allowed("acme", f"{web.url}/")
    unreached = WebSource({"acme": [web.url.removeprefix("http://")]}, (), tmp_path, Limits())
    with pytest.raises(SourceNotAllowed, match="CAIRN_SYNC_NETWORKS"):
        unreached.allowed("acme", f"{web.url}/")
