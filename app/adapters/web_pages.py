"""What a web site says about itself: robots.txt (RFC 9309), sitemaps (sitemaps.org, 0.9), the links of a page. Pure."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from app.adapters.guarded_http import unpacked
from pipelines.domain.intake_errors import FileUnavailable
from pipelines.domain.sources import time_ns
from pipelines.ingest.parse.characters import decoded
from pipelines.ingest.parse.html import declared_encoding

MOST_ROBOTS_BYTES = 512 * 1024  # RFC 9309, 2.5
MOST_SITEMAP_BYTES = 50 * 1024 * 1024  # unpacked, as the protocol says
_GZIP = b"\x1f\x8b"
_SAFE = "/%:@!$&'()*+,;=~-._"


class Rule(NamedTuple):
    path: str
    allows: bool


@dataclass(frozen=True, slots=True)
class Robots:
    """Which paths a program may ask for."""

    rules: Sequence[Rule] = ()

    @classmethod
    def parse(cls, text: str, agent: str) -> Robots:
        """The rules of the groups that name the agent, else of those for everybody."""
        groups: dict[str, list[Rule]] = {}
        naming: list[str] = []
        open_ = False
        for line in text.splitlines():
            name, _, value = line.partition("#")[0].partition(":")
            name, value = name.strip().lower(), value.strip()
            if name == "user-agent":
                naming = [*naming, value.lower()] if open_ else [value.lower()]
                open_ = True
                groups.setdefault(value.lower(), [])
            elif name in ("allow", "disallow"):
                open_ = False
                for each in naming if value else ():
                    groups[each].append(Rule(value, name == "allow"))
        return cls(tuple(groups.get(agent.lower(), groups.get("*", []))))

    def allows(self, path: str) -> bool:
        """The longest rule that fits decides; of two as long, the one that allows."""
        fitting = [rule for rule in self.rules if _fits(rule.path, path)]
        return not fitting or max(fitting, key=lambda rule: (len(rule.path), rule.allows)).allows


def _fits(rule: str, path: str) -> bool:
    """`*` is anything, `$` at the end is the end. Walks without going back, whatever the rule."""
    anchored = rule.endswith("$")
    first, *parts = (_plain(part) for part in rule.removesuffix("$").split("*"))
    path = _plain(path)
    if not path.startswith(first):
        return False
    if anchored and not parts:
        return path == first
    at = len(first)
    for number, part in enumerate(parts):
        if anchored and number == len(parts) - 1:
            return path.endswith(part) and len(path) - len(part) >= at
        at = path.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return True


def _plain(path: str) -> str:
    return quote(unquote(path), safe=_SAFE)


class Entry(NamedTuple):
    """`modified` as the sitemap says it; "" where it does not."""

    url: str
    modified: str


@dataclass(frozen=True, slots=True)
class Sitemap:
    pages: list[Entry] = field(default_factory=list)
    sitemaps: list[str] = field(default_factory=list)


def sitemap(content: bytes) -> Sitemap:
    """Raises FileUnavailable."""
    try:
        root = fromstring(_unpacked(content), forbid_dtd=True)
    except (ParseError, DefusedXmlException, LookupError, ValueError) as error:
        raise FileUnavailable("The sitemap cannot be read.") from error
    found = Sitemap()
    for each in root:
        fields = {_local(child.tag): (child.text or "").strip() for child in each}
        if _local(root.tag) == "sitemapindex" and fields.get("loc"):
            found.sitemaps.append(fields["loc"])
        elif _local(root.tag) == "urlset" and fields.get("loc"):
            found.pages.append(Entry(fields["loc"], fields.get("lastmod", "")))
    if _local(root.tag) not in ("sitemapindex", "urlset"):
        raise FileUnavailable("This is no sitemap.")
    return found


def modified_ns(when: str) -> int:
    """Of a sitemap's date (W3C: 2026, 2026-11, 2026-11-26, with a time); 0 where it is none."""
    text = when + "-01-01"[: (10 - len(when)) // 3 * 3] if re.fullmatch(r"\d{4}(-\d\d)?", when) else when
    try:
        return time_ns(datetime.fromisoformat(text))
    except ValueError:
        return 0


class Page(NamedTuple):
    title: str
    links: tuple[str, ...]  # as the page has them


def page(content: bytes) -> Page:
    """Of HTML, whatever it is like."""
    try:
        tree = LexborHTMLParser(decoded(content, declared_encoding(content)))
    except (SelectolaxError, UnicodeError):
        return Page("", ())
    title = tree.css_first("head > title")
    base = tree.css_first("head > base[href]")
    start = (base.attributes.get("href") or "") if base else ""
    links = [(each.attributes.get("href") or "").strip() for each in tree.css("a[href]")]
    return Page(" ".join(title.text().split()) if title else "", tuple(_joined(start, each) for each in links))


def resolved(url: str, link: str) -> str | None:
    """A page's link as an address without a fragment, in one spelling; None where it is none of the web's."""
    try:
        parts = urlsplit(urljoin(url, link))
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
            return None
        port = parts.port
    except ValueError:
        return None
    path = quote(parts.path or "/", safe=_SAFE)
    if any(part in (".", "..") for part in unquote(path).replace("\\", "/").split("/")):
        return None
    usual = port is None or port == (443 if parts.scheme == "https" else 80)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    netloc = host if usual else f"{host}:{port}"
    try:
        netloc.encode("ascii")
    except UnicodeEncodeError:
        return None
    return urlunsplit((parts.scheme, netloc, path, quote(parts.query, safe=_SAFE + "?"), ""))


def _joined(start: str, link: str) -> str:
    try:
        return urljoin(start, link) if start else link
    except ValueError:
        return ""


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _unpacked(content: bytes) -> bytes:
    if not content.startswith(_GZIP):
        return content
    return b"".join(_bounded(unpacked(zlib.decompressobj(16 + zlib.MAX_WBITS), content)))


def _bounded(blocks: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    for block in blocks:
        size += len(block)
        if size > MOST_SITEMAP_BYTES:
            raise FileUnavailable("The sitemap is too large.")
        yield block
