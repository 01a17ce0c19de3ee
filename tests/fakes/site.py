"""A web site on loopback: pages by path, with ETags, conditional requests, robots.txt and sitemaps."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.fakes.http_server import HttpServer, Reply, Request, http_server


@dataclass
class Site:
    """`pages` are HTML or whole replies; `sent` are paths whose body was sent, in order."""

    pages: dict[str, str | Reply] = field(default_factory=dict)
    robots: str | Reply | None = None
    marks: bool = True
    sent: list[str] = field(default_factory=list)
    server: HttpServer | None = None

    @property
    def url(self) -> str:
        assert self.server is not None
        return self.server.url

    def answer(self, request: Request) -> Reply:
        query = "&".join(f"{name}={value}" for name, value in request.query.items())
        path = f"{request.path}?{query}" if query else request.path
        found = self.robots if path == "/robots.txt" else self.pages.get(path)
        if found is None:
            return Reply(404, b"not here")
        if isinstance(found, Reply):
            self.sent.append(path)
            return found
        body = found.encode()
        mark = f'"{hashlib.sha256(body).hexdigest()[:12]}"'
        headers = {"Content-Type": "text/html; charset=utf-8", **({"ETag": mark} if self.marks else {})}
        if self.marks and request.headers.get("if-none-match") == mark:
            return Reply(304, b"", headers)
        self.sent.append(path)
        return Reply(200, body, headers)

    def sitemap(self, path: str, *pages: str, dates: dict[str, str] | None = None, packed: bool = False) -> None:
        dated = {page: f"<lastmod>{(dates or {})[page]}</lastmod>" for page in pages if page in (dates or {})}
        urls = "".join(f"<url><loc>{self._whole(page)}</loc>{dated.get(page, '')}</url>" for page in pages)
        self._xml(path, f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>', packed)

    def index(self, path: str, *sitemaps: str) -> None:
        named = "".join(f"<sitemap><loc>{self._whole(each)}</loc></sitemap>" for each in sitemaps)
        self._xml(path, f'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{named}</sitemapindex>')

    def _whole(self, page: str) -> str:
        return page if "://" in page else self.url + page

    def _xml(self, path: str, text: str, packed: bool = False) -> None:
        body = f'<?xml version="1.0" encoding="UTF-8"?>{text}'.encode()
        self.pages[path] = Reply(200, gzip.compress(body) if packed else body, {"Content-Type": "application/xml"})


def html(title: str, text: str, *links: str) -> str:
    anchors = " ".join(f'<a href="{link}">more</a>' for link in links)
    return f"<!doctype html><html><head><title>{title}</title></head><body><h1>{title}</h1><p>{text}</p>{anchors}</body></html>"


@contextmanager
def site() -> Iterator[Site]:
    found = Site()
    with http_server(found.answer) as server:
        found.server = server
        yield found
