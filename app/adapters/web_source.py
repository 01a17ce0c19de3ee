"""A web site as a source: `https://HOST/PATH`, on hosts that the operator names.

An address that ends in .xml or .xml.gz is a sitemap, and its pages are the files. Any other is a page, and the files are what
links lead to from there, below its own path, as far as the limits go. robots.txt is obeyed (RFC 9309). A page's ETag or
Last-Modified is its mark and is sent along when it is asked for again (RFC 9110, 13); without either, a digest of what came is.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit, urlunsplit

from app.adapters.fetched import Fetched, fetched
from app.adapters.guarded_http import Answer, GuardedHttp, Network, Reach, hosts_of
from app.adapters.web_marks import Read, bounded, conditions, dated_file, is_dated, listed_file, mark, read_through
from app.adapters.web_pages import (
    MOST_ROBOTS_BYTES,
    MOST_SITEMAP_BYTES,
    Entry,
    Robots,
    modified_ns,
    page,
    resolved,
    sitemap,
)
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

_AGENT = "cairn"
_CLOSED = {401, 403, 404, 410}  # what the public may not see is not there
_UNCHANGED = 304
_MOST_SITEMAPS = 200
_MOST_FAILING = 5  # pages in a row
_MOST_LINKED_BYTES = 8 * 1024 * 1024  # of a page whose links are followed
_HTML = ("text/html", "application/xhtml+xml")
_SITEMAP = (".xml", ".xml.gz")
_ALL = ""  # every path may be there and not be seen


@dataclass(frozen=True, slots=True)
class Limits:
    pages: int = 5_000
    file_bytes: int = 200 * 1024 * 1024
    listing_s: float = 540
    requests_per_s: float = 5


class WebSource:
    """SourceReader of pipelines/ports.py. `hosts` by tenant, as `HOST` or `HOST:PORT`; `folder` holds what is being read."""

    def __init__(
        self, hosts: Mapping[str, Collection[str]], networks: Sequence[Network], folder: Path, limits: Limits
    ) -> None:
        self._http = {
            tenant: GuardedHttp(Reach(hosts_of(named), networks), requests_per_s=limits.requests_per_s)
            for tenant, named in hosts.items()
        }
        self._folder = folder
        self._limits = limits

    def allowed(self, tenant_id: str, place: str) -> str:
        start = resolved(place, "")
        if not any(self._http.values()):
            raise SyncOff
        if start is None or "?" in start:
            raise SourceNotAllowed("Name a page or a sitemap by its whole address, without a question mark.")
        self._site(tenant_id, start, self._deadline()).root()
        return start

    def listing(self, tenant_id: str, place: str, seen: Seen) -> Listing:
        return self._site(tenant_id, place, self._deadline()).listing(seen)

    @contextmanager
    def open(self, tenant_id: str, place: str, file: ListedFile) -> Iterator[Fetched]:
        site = self._site(tenant_id, place, self._deadline())
        with site.answer(site.url(file.path)) as answer:
            if answer.status in _CLOSED:
                raise FileNotFoundError(file.path)
            if answer.status != 200:
                raise FileUnavailable(f"The site answers {answer.status}.")
            blocks, title = answer.blocks(), ""
            if _is_html(answer):
                head = _first(blocks)
                blocks, title = chain([head], blocks), page(head).title[:300]
            listed = file if is_dated(file) else listed_file(file.path, answer, None)
            named = listed._replace(title=title, url=site.url(file.path))
            with fetched(self._folder, named, _name(file.path, answer), blocks, self._limits.file_bytes) as content:
                if not named.etag:
                    content.listed = named._replace(**read_through(_through(content))._asdict())
                yield content

    def exists(self, tenant_id: str, place: str, path: str) -> bool:  # noqa: ARG002 - nothing is asked
        """What the sitemap or the links lead to no more is not there, whatever still answers."""
        return False

    def _deadline(self) -> float:
        return time.monotonic() + self._limits.listing_s

    def _site(self, tenant_id: str, place: str, deadline: float) -> _Site:
        http = self._http.get(tenant_id)
        if http is None:
            raise SourceNotAllowed("The operator names no site for your tenant (CAIRN_SYNC_HOSTS).")
        return _Site(http, place, self._limits, deadline)


class _Site:
    """One look at a site."""

    def __init__(self, http: GuardedHttp, place: str, limits: Limits, deadline: float) -> None:
        parts = urlsplit(place)
        self._http = http
        self._place = place
        self._origin = urlunsplit((parts.scheme, parts.netloc, "", "", ""))
        self._below = _scope(parts.path)
        self._limits = limits
        self._deadline = deadline
        self._robots: Robots | None = None
        self._failing = 0

    def url(self, path: str) -> str:
        return self._origin + path

    def root(self) -> bytes:
        """What is at the place itself. Raises SourceNotAllowed, SourceMissing, SourceUnavailable."""
        try:
            if not self._permitted(self._path(self._place) or ""):
                raise SourceNotAllowed("The site's robots.txt asks programs to stay away from this.")
            with self.answer(self._place) as answer:
                if answer.status in _CLOSED:
                    raise SourceMissing("There is no such page, or it is not public.")
                if answer.status != 200:
                    raise SourceUnavailable(f"The site answers {answer.status}.")
                return answer.read(MOST_SITEMAP_BYTES)
        except FileBlocked as error:
            raise SourceNotAllowed(error.detail) from error
        except FileUnavailable as error:
            raise SourceUnavailable(error.detail) from error

    @contextmanager
    def answer(self, url: str, headers: Mapping[str, str] | None = None) -> Iterator[Answer]:
        with self._http.request(url, headers, deadline=self._deadline) as answer:
            yield answer

    def listing(self, seen: Seen) -> Listing:
        if self._place.endswith(_SITEMAP):
            try:
                return self._of_sitemap(self._entries(), seen)
            except (FileBlocked, FileUnavailable) as error:  # of one sitemap: what it names is not known
                raise SourceUnavailable(error.detail) from error
        return self._of_links(seen)

    # --- sitemaps ---

    def _entries(self) -> dict[str, Entry]:
        """By path; what is of another origin, or not for programs, is left out."""
        first = sitemap(self.root())
        entries = list(first.pages)
        for url in first.sitemaps[:_MOST_SITEMAPS]:
            where = resolved(self._place, url)
            if where is None or self._path(where) is None:
                continue
            with self.answer(where) as answer:
                if answer.status != 200:
                    raise SourceUnavailable(f"A part of the sitemap answers {answer.status}.")
                entries += sitemap(answer.read(MOST_SITEMAP_BYTES)).pages
        found: dict[str, Entry] = {}
        for entry in entries:
            where = resolved(self._place, entry.url)
            path = None if where is None else self._path(where)
            if path is not None and self._permitted(path):
                found[path] = entry
        if len(found) > self._limits.pages:
            raise SourceTooLarge(f"A site may have {self._limits.pages:,} pages at most.")
        return found

    def _of_sitemap(self, entries: Mapping[str, Entry], seen: Seen) -> Listing:
        dated = {path: dated_file(path, each.modified) for path, each in entries.items() if modified_ns(each.modified)}
        files, unreadable = list(dated.values()), []
        rest = [path for path in entries if path not in dated]
        random.shuffle(rest)  # where time does not suffice, others have their turn next time
        for path in sorted(rest, key=lambda path: bool(seen.etag(path))):
            known = seen.etag(path)
            if time.monotonic() > self._deadline and known:
                files.append(ListedFile(path, -1, 0, known))
                continue
            if time.monotonic() > self._deadline:
                break
            try:
                found = self._asked(path, known)
            except (FileBlocked, FileUnavailable, SourceUnavailable) as error:
                unreadable.append(path)
                self._failed(error)
                continue
            self._failing = 0
            if found is not None:
                files.append(found)
        return Listing(tuple(files), tuple(unreadable))

    def _asked(self, path: str, known: str) -> ListedFile | None:
        """None where it is not public. Raises FileBlocked, FileUnavailable."""
        with self.answer(self.url(path), conditions(known)) as answer:
            if answer.status == _UNCHANGED and known:
                return ListedFile(path, -1, 0, known)
            if answer.status in _CLOSED:
                return None
            if answer.status != 200:
                raise FileUnavailable(f"The site answers {answer.status}.")
            return listed_file(path, answer, self._read(answer))

    def _read(self, answer: Answer) -> Read | None:
        """Of what comes, where the answer has no mark of its own. Raises FileUnavailable."""
        return None if mark(answer) else read_through(bounded(answer.blocks(), self._limits.file_bytes))

    # --- links ---

    def _of_links(self, seen: Seen) -> Listing:
        """In the order in which links are found; where the end was not reached, nothing is known to be gone."""
        start = self._path(self._place) or "/"
        self.root()
        waiting, found = deque([start]), {start}
        files: list[ListedFile] = []
        unreadable: list[str] = []
        while waiting:
            if len(files) >= self._limits.pages or time.monotonic() > self._deadline:
                unreadable.append(_ALL)
                break
            path = waiting.popleft()
            try:
                file, links = self._looked_at(path, seen.etag(path))
            except (FileBlocked, FileUnavailable, SourceUnavailable) as error:
                unreadable += [path, _ALL]  # what it leads to is not known
                self._failed(error)
                continue
            self._failing = 0
            if file is not None:
                files.append(file)
            for link in links:
                inside = self._inside(link)
                if inside is not None and inside not in found:
                    found.add(inside)
                    waiting.append(inside)
        return Listing(tuple(files), tuple(dict.fromkeys(unreadable)))

    def _looked_at(self, path: str, known: str) -> tuple[ListedFile | None, list[str]]:
        """The page, unless it is elsewhere or not public, and whole addresses it leads to."""
        url = self.url(path)
        leaf = PurePosixPath(path).suffix.lower() not in ("", ".html", ".htm", ".php", ".aspx", ".jsp")
        with self.answer(url, conditions(known) if leaf else None) as answer:
            if answer.status == _UNCHANGED and known:
                return ListedFile(path, -1, 0, known), []
            if answer.status in _CLOSED:
                return None, []
            if answer.status != 200:
                raise FileUnavailable(f"The site answers {answer.status}.")
            if answer.url != url:
                return None, [answer.url]
            if not _is_html(answer):
                return listed_file(path, answer, self._read(answer)), []
            content = answer.read(_MOST_LINKED_BYTES)
        links = [whole for link in page(content).links if (whole := resolved(url, link)) is not None]
        return listed_file(path, answer, None if mark(answer) else read_through([content])), links

    def _inside(self, url: str) -> str | None:
        """The path, where it is one of this source."""
        path = self._path(url)
        if path is None or "?" in path or not (path.startswith(self._below) or path == self._path(self._place)):
            return None
        return path if self._permitted(path) else None

    # --- both ---

    def _failed(self, error: Exception) -> None:
        """Raises it where it is the site that does not answer, and not one page of it."""
        self._failing += isinstance(error, SourceUnavailable) and time.monotonic() <= self._deadline
        if self._failing == _MOST_FAILING:
            raise error

    def _path(self, url: str) -> str | None:
        """With its query; None where it is of another origin."""
        if not url.startswith(f"{self._origin}/"):
            return None
        return url[len(self._origin) :]

    def _permitted(self, path: str) -> bool:
        if self._robots is None:
            self._robots = self._asked_robots()
        return self._robots.allows(path)

    def _asked_robots(self) -> Robots:
        """Raises SourceUnavailable: while nobody says what is allowed, nothing is (RFC 9309, 2.3.1.4)."""
        try:
            with self.answer(self.url("/robots.txt")) as answer:
                if answer.status == 200:
                    return Robots.parse(answer.read(MOST_ROBOTS_BYTES).decode("utf-8", "replace"), _AGENT)
                if answer.status >= 500:
                    raise SourceUnavailable(f"The site's robots.txt answers {answer.status}.")
        except FileUnavailable as error:
            raise SourceUnavailable(error.detail) from error
        return Robots()


def _scope(path: str) -> str:
    """What is below a page: its folder, where its name looks like a file's."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/" if "." in name or not name else f"{path}/"


def _is_html(answer: Answer) -> bool:
    return answer.headers.get("content-type", "").partition(";")[0].strip().lower() in _HTML


def _first(blocks: Iterator[bytes]) -> bytes:
    """As much as a title may be in."""
    found = b""
    for block in blocks:
        found += block
        if len(found) >= 64 * 1024:
            break
    return found


def _name(path: str, answer: Answer) -> str:
    name = unquote(path.partition("?")[0].rpartition("/")[2]) or "index"
    html = _is_html(answer) and not name.lower().endswith((".html", ".htm", ".xhtml"))
    return f"{name}.html" if html else name


def _through(content: Fetched) -> Iterator[bytes]:
    """All of it, from its start, where it is again afterwards."""
    while block := content.read(1024 * 1024):
        yield block
    content.rewind()
