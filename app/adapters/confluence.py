"""A space of Confluence Data Center as a source: `confluence:NAME/SPACE`, pages and attachments, read by who reads them there.

From its REST API (https://developer.atlassian.com/server/confluence/rest/): `content` with version, ancestors and restrictions,
`child/attachment`, `space/KEY/permissions` (since 9.1), `group/NAME/member`, `user`. A page comes in the storage format: by its
macros a rendered one would show what other pages hold for other readers.
"""

from __future__ import annotations

import base64
import html
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from app.adapters.confluence_access import Access
from app.adapters.fetched import Fetched, fetched
from app.adapters.json_api import JsonApi, deadline
from app.adapters.source_connections import ConfluenceConnection, Connections
from pipelines.domain.intake_errors import (
    FileUnavailable,
    SourceMissing,
    SourceNotAllowed,
    SourceTooLarge,
    SourceUnavailable,
)
from pipelines.domain.sources import ListedFile, Listing, Seen, time_ns

_PAGES, _ATTACHMENTS = "pages", "attachments"
_AT_ONCE = 50
_LIST = "restrictions.read.restrictions"
_EXPANDED = f"version,ancestors,{_LIST}.user,{_LIST}.group,children.attachment.version"
_PLACE = re.compile(r"confluence:([a-z0-9][a-z0-9._-]*)/(~?[A-Za-z0-9._-]+)/?")
_CODE = re.compile(r"<ac:plain-text-body>\s*<!\[CDATA\[(.*?)\]\]>\s*</ac:plain-text-body>", re.DOTALL)
_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_PARAMETER = re.compile(r"<ac:parameter\b[^>]*>[^<]*</ac:parameter>")


class Confluence:
    """SourceReader of pipelines/ports.py. `folder` holds what is being read."""

    def __init__(
        self, connections: Connections, folder: Path, max_file_bytes: int, *, most_files: int = 100_000
    ) -> None:
        self._connections = connections
        self._folder = folder
        self._max_file_bytes = max_file_bytes
        self._most_files = most_files
        self._apis: dict[str, JsonApi] = {}
        self._making = threading.Lock()

    def allowed(self, tenant_id: str, place: str) -> str:
        name, space = _parts(place)
        _, api = self._api(tenant_id, name)
        with _shaped():
            found = api.get(f"/rest/api/space/{quote(space)}")
            return f"confluence:{name}/{found['key']}"

    def listing(self, tenant_id: str, place: str, seen: Seen) -> Listing:  # noqa: ARG002 - versions say what changed
        name, space = _parts(place)
        connection, api = self._api(tenant_id, name)
        until = deadline()
        with _shaped():
            api.get(f"/rest/api/space/{quote(space)}", deadline=until)
            pages = list(
                self._all(api, "/rest/api/content", {"spaceKey": space, "type": "page", "expand": _EXPANDED}, until)
            )
            access = Access(api, connection, space, until, {str(page["id"]): page for page in pages})
            files = []
            for page in pages:
                readers = access.readers(str(page["id"]))
                files.append(_page(connection, page, readers))
                files += [_attachment(connection, each, readers) for each in self._attachments(api, page, until)]
                if len(files) > self._most_files:
                    raise SourceTooLarge(f"A source may have {self._most_files:,} files at most.")
        return Listing(tuple(files), ())

    @contextmanager
    def open(self, tenant_id: str, place: str, file: ListedFile) -> Iterator[Fetched]:
        name, _ = _parts(place)
        connection, api = self._api(tenant_id, name)
        kind, _, id_ = file.path.partition("/")
        with _shaped(one=True):
            found = api.get(f"/rest/api/content/{quote(id_, safe='')}", {"expand": "version,body.storage"})
            if found.get("status", "current") != "current":
                raise FileNotFoundError(id_)
            now = _listed(connection, kind, found, file.readers)
        if kind == _PAGES:
            with _shaped(one=True):
                content = _whole(found["title"], found["body"]["storage"]["value"])
            with fetched(self._folder, now, f"{now.title}.html", [content], self._max_file_bytes) as page:
                yield page
            return
        with _shaped(one=True):
            download = str(found["_links"]["download"])
        with (
            api.ask(download) as answer,
            fetched(self._folder, now, now.title, answer.blocks(), self._max_file_bytes) as attachment,
        ):
            yield attachment

    def exists(self, tenant_id: str, place: str, path: str) -> bool:
        name, space = _parts(place)
        _, api = self._api(tenant_id, name)
        try:
            found = api.get(f"/rest/api/content/{quote(path.partition('/')[2], safe='')}", {"expand": "space"})
            return bool(found["status"] == "current" and found["space"]["key"] == space)
        except (FileNotFoundError, SourceMissing):  # the account may not see it any more, so nobody is shown it
            return False
        except (KeyError, TypeError):
            return True

    def _attachments(self, api: JsonApi, page: Mapping[str, Any], until: float) -> Iterator[Any]:
        """Those that came with the page; all of them, one by one, where there are more."""
        found = page.get("children", {}).get("attachment", {})
        if found and found.get("size", 0) < found.get("limit", 0):
            yield from found["results"]
        else:
            path = f"/rest/api/content/{quote(str(page['id']), safe='')}/child/attachment"
            yield from self._all(api, path, {"expand": "version"}, until)

    def _all(self, api: JsonApi, path: str, query: Mapping[str, object], until: float) -> Iterator[Any]:
        start = 0
        while True:
            found = api.get(path, {**query, "start": start, "limit": _AT_ONCE}, until)
            yield from found["results"]
            start += len(found["results"])
            if not found["results"] or "next" not in found.get("_links", {}):
                return
            if start > self._most_files:
                raise SourceTooLarge(f"A source may have {self._most_files:,} files at most.")

    def _api(self, tenant_id: str, name: str) -> tuple[ConfluenceConnection, JsonApi]:
        connection = self._connections.of(ConfluenceConnection, tenant_id, name)
        with self._making:
            if name not in self._apis:
                headers = _headers(connection)
                self._apis[name] = JsonApi(connection.url, lambda: headers, requests_per_s=connection.requests_per_s)
            return connection, self._apis[name]


def _parts(place: str) -> tuple[str, str]:
    """Name of the connection, and key of the space. Raises SourceNotAllowed."""
    found = _PLACE.fullmatch(place)
    if found is None:
        raise SourceNotAllowed("Name the space as confluence:CONNECTION/SPACE.")
    return found[1], found[2]


def _headers(connection: ConfluenceConnection) -> Mapping[str, str]:
    if connection.token is not None:
        return {"Authorization": f"Bearer {connection.token.get_secret_value()}"}
    assert connection.password is not None
    pair = f"{connection.user}:{connection.password.get_secret_value()}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def _page(connection: ConfluenceConnection, page: Any, readers: tuple[str, ...]) -> ListedFile:
    return _listed(connection, _PAGES, page, readers)


def _attachment(connection: ConfluenceConnection, attachment: Any, readers: tuple[str, ...]) -> ListedFile:
    return _listed(connection, _ATTACHMENTS, attachment, readers)


def _listed(connection: ConfluenceConnection, kind: str, found: Any, readers: tuple[str, ...] | None) -> ListedFile:
    version = found["version"]
    return ListedFile(
        path=f"{kind}/{found['id']}",
        size_bytes=-1,
        mtime_ns=time_ns(datetime.fromisoformat(str(version["when"]))),
        etag=f"v{int(version['number'])}",
        readers=() if readers is None else readers,
        title=str(found["title"])[:300],
        url=connection.url + str(found.get("_links", {}).get("webui", "")),
        shown=str(found["title"])[:300],
    )


def _whole(title: str, storage: str) -> bytes:
    """A page of HTML: the macros' own settings are left out, and the code in them is kept."""
    body = _CODE.sub(lambda found: f"<pre>{html.escape(found[1])}</pre>", _PARAMETER.sub("", storage))
    body = _CDATA.sub(lambda found: html.escape(found[1]), body)
    name = html.escape(title)
    return f'<meta charset="utf-8"><title>{name}</title><h1>{name}</h1>{body}'.encode()


@contextmanager
def _shaped(*, one: bool = False) -> Iterator[None]:
    """Answers of another shape than documented are a source that is not available; `one`: of a file."""
    try:
        yield
    except FileNotFoundError as error:
        if one:
            raise
        raise SourceMissing("There is no such space, or the connection's account may not see it.") from error
    except SourceMissing as error:
        if one:
            raise FileUnavailable("The connection's account may not read it.") from error
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SourceUnavailable("It answers in a way that is not understood.") from error
