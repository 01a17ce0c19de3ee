"""What a site says about itself is read as its standards say, whatever it is like."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.adapters.web_pages import Entry, Robots, modified_ns, page, resolved, sitemap
from pipelines.domain.intake_errors import FileUnavailable

ROBOTS = """
User-agent: other
Disallow: /

User-Agent: cairn  # us
user-agent: friend
Disallow: /private
Allow: /private/open
Disallow: /*.pdf$
Disallow: /a*b*/c
Disallow:

User-agent: *
Disallow: /
Sitemap: https://x.test/sitemap.xml
"""


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/", True),
        ("/private", False),
        ("/private/x", False),
        ("/privateer", False),
        ("/private/open/x", True),
        ("/x.pdf", False),
        ("/x.pdf?y", True),
        ("/a-b-/c", False),
        ("/ab/d", True),
        ("/%70rivate/x", False),
    ],
)
def test_robots_are_obeyed(path: str, allowed: bool) -> None:
    assert Robots.parse(ROBOTS, "cairn").allows(path) == allowed
    assert not Robots.parse(ROBOTS, "stranger").allows(path)
    assert Robots.parse("", "cairn").allows(path)


@given(text=st.text(alphabet="*$/ab", max_size=30), path=st.text(alphabet="/ab", max_size=30))
def test_no_rule_is_too_odd(text: str, path: str) -> None:
    robots = Robots.parse(f"User-agent: *\nDisallow: {text}\n", "cairn")
    assert isinstance(robots.allows(path), bool)
    assert not Robots.parse(f"User-agent: *\nDisallow: /*{path}$\n", "cairn").allows(f"/x{path}")


def test_sitemaps_and_indexes_packed_or_not() -> None:
    pages = b"""<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
      <url><loc> https://x.test/a?b=1&amp;c=2 </loc><lastmod>2026-11</lastmod><priority>1</priority></url>
      <url><loc>https://x.test/b</loc></url><url/></urlset>"""
    for content in (pages, gzip.compress(pages)):
        assert sitemap(content).pages == [Entry("https://x.test/a?b=1&c=2", "2026-11"), Entry("https://x.test/b", "")]
    index = b"<sitemapindex><sitemap><loc>https://x.test/1.xml.gz</loc></sitemap></sitemapindex>"
    assert sitemap(index).sitemaps == ["https://x.test/1.xml.gz"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html><body>Not found</body></html>",
        b"<urlset><url>",
        b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><urlset><url><loc>&b;</loc></url></urlset>',
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><urlset><url><loc>&a;</loc></url></urlset>',
        b"\x1f\x8bnonsense",
        gzip.compress(b" " * 60_000_000),
    ],
)
def test_what_is_no_sitemap_is_refused(content: bytes) -> None:
    with pytest.raises(FileUnavailable):
        sitemap(content)


def test_dates_of_sitemaps() -> None:
    day = modified_ns("2026-11-26T00:00:00Z")
    assert day == modified_ns("2026-11-26T01:00:00+01:00") > modified_ns("2026-11-25T23:59:59Z") > 0
    assert modified_ns("2026-11-02") > modified_ns("2026-11") > modified_ns("2026") > 0
    assert [modified_ns(text) for text in ("", "soon", "2026-13-01", "0001-01-01T00:00:00+23:59")] == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("link", "address"),
    [
        ("b#part", "https://x.test/a/b"),
        ("/c d?e=ü", "https://x.test/c%20d?e=%C3%BC"),
        ("//X.TEST:443/e", "https://x.test/e"),
        ("http://x.test:8080/e", "http://x.test:8080/e"),
        ("../../../f", "https://x.test/f"),
        ("%2e%2e/%2E%2E/f", None),
        ("a%5C..%5Cb", None),
        ("mailto:a@x.test", None),
        ("javascript:alert(1)", None),
        ("file:///etc/passwd", None),
        ("https://u:p@x.test/", None),
        ("https://[x", None),
        ("https://x.test:999999/", None),
        ("https://bücher.test/", None),
    ],
)
def test_links_become_addresses_in_one_spelling(link: str, address: str | None) -> None:
    assert resolved("https://x.test/a/", link) == address


@given(content=st.binary(max_size=300))
def test_no_page_is_too_odd(content: bytes) -> None:
    found = page(content)
    assert isinstance(found.title, str)
    for link in found.links:
        resolved("https://x.test/", link)


def test_a_page_says_its_title_and_its_links() -> None:
    content = b"""<base href="/docs/"><title> On
      caching </title><a href=one>1</a><a name=x>2</a><area href=no><A HREF='/two#x'>3</A><a href="http://[">4</a>"""
    assert page(content) == ("On caching", ("/docs/one", "/two#x", ""))
