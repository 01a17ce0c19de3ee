"""A library of SharePoint as a source: `sharepoint:NAME/sites/SITE[/LIBRARY]`, its files, read by who reads them there.

By Microsoft Graph 1.0 (https://learn.microsoft.com/graph/api/): sites by path, drives, `driveitem-delta`, permissions in batches
(`driveitem-list-permissions`), `driveitem-get-content`; with an app's own token. Between two looks at the whole only what the
delta says is read; what it does not say (a folder's list that changed, a folder that moved) the next look at the whole sees.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, urlsplit

from app.adapters.fetched import Fetched, fetched
from app.adapters.guarded_http import hosts_of
from app.adapters.json_api import JsonApi, deadline
from app.adapters.sharepoint_access import readers
from app.adapters.source_connections import Connections, SharePointConnection
from pipelines.domain.intake_errors import (
    FileBlocked,
    FileUnavailable,
    SourceMissing,
    SourceNotAllowed,
    SourceTooLarge,
    SourceUnavailable,
)
from pipelines.domain.sources import ListedFile, Listing, Seen, is_passing, time_ns

_PLACE = re.compile(r"sharepoint:([a-z0-9][a-z0-9._-]*)/((?:sites|teams)/[A-Za-z0-9._-]+)(?:/([^/\x00-\x1f]+))?/?")
_BATCH = 20  # requests in one, as Graph allows
_EARLY_S = 120  # before a token ends
_CHANGES = "deltashowremovedasdeleted, deltatraversepermissiongaps, deltashowsharingchanges, hierarchicalsharing"
_SHARED = "@microsoft.graph.sharedChanged"


class _Stale(Exception):
    """The delta cannot be gone on with: everything is to be looked at."""


class SharePoint:
    """SourceReader of pipelines/ports.py. `folder` holds what is being read."""

    def __init__(
        self, connections: Connections, folder: Path, max_file_bytes: int, *, most_files: int = 100_000
    ) -> None:
        self._connections = connections
        self._folder = folder
        self._max_file_bytes = max_file_bytes
        self._most_files = most_files
        self._accounts: dict[str, _Account] = {}
        self._making = threading.Lock()

    def allowed(self, tenant_id: str, place: str) -> str:
        name, site, library = _parts(place)
        with _shaped():
            _drive(self._account(tenant_id, name), site, library)
        return "/".join(part for part in (f"sharepoint:{name}", site, library) if part)

    def listing(self, tenant_id: str, place: str, seen: Seen) -> Listing:
        name, site, library = _parts(place)
        account = self._account(tenant_id, name)
        with _shaped():
            look = _Look(account, _drive(account, site, library), site, deadline(), self._most_files)
            if seen.memory:
                memory = json.loads(seen.memory)
                if time.time() - memory["whole"] < account.connection.whole_every_s:
                    try:
                        return look.changes(memory["link"], memory["whole"])
                    except _Stale:
                        pass
            return look.whole()

    @contextmanager
    def open(self, tenant_id: str, place: str, file: ListedFile) -> Iterator[Fetched]:
        name, site, library = _parts(place)
        account = self._account(tenant_id, name)
        with _shaped(one=True):
            item = f"{_drive(account, site, library)}/items/{quote(file.path, safe='')}"
            found = account.api.get(item)
            if "file" not in found:
                raise FileNotFoundError(file.path)
            now = _listed(found, file.readers or ())
        try:
            with (
                account.api.ask(f"{item}/content") as answer,
                fetched(self._folder, now, str(found["name"]), answer.blocks(), self._max_file_bytes) as content,
            ):
                yield content
        except SourceMissing as error:
            raise FileUnavailable("The connection's account may not read it.") from error

    def exists(self, tenant_id: str, place: str, path: str) -> bool:
        name, site, library = _parts(place)
        account = self._account(tenant_id, name)
        with _shaped():
            drive = _drive(account, site, library)
        try:
            return "deleted" not in account.api.get(f"{drive}/items/{quote(path, safe='')}")
        except (FileNotFoundError, SourceMissing):  # the account may not see it any more, so nobody is shown it
            return False
        except FileUnavailable:
            return True

    def _account(self, tenant_id: str, name: str) -> _Account:
        connection = self._connections.of(SharePointConnection, tenant_id, name)
        with self._making:
            if name not in self._accounts:
                self._accounts[name] = _Account(connection)
            return self._accounts[name]


class _Account:
    """An app's access, renewed before it ends (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow)."""

    def __init__(self, connection: SharePointConnection) -> None:
        self.connection = connection
        hosts = [urlsplit(connection.login_url).netloc, *(connection.download_hosts or [connection.host])]
        self.api = JsonApi(
            connection.url, self._headers, requests_per_s=connection.requests_per_s, hosts=hosts_of(hosts)
        )
        self._token = ""
        self._ends = 0.0
        self._turn = threading.Lock()

    def _headers(self) -> Mapping[str, str]:
        with self._turn:
            if time.monotonic() > self._ends:
                self._renew()
            return {"Authorization": f"Bearer {self._token}"}

    def _renew(self) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.connection.client_id,
            "client_secret": self.connection.client_secret.get_secret_value(),
            "scope": f"{self.connection.url}/.default",
        }
        url = f"{self.connection.login_url}/{quote(self.connection.directory, safe='')}/oauth2/v2.0/token"
        try:
            found = self.api.post(url, form)
            self._token = str(found["access_token"])
            self._ends = time.monotonic() + max(0.0, float(found["expires_in"]) - _EARLY_S)
        except (FileNotFoundError, FileUnavailable) as error:
            raise SourceMissing("The login of the connection is refused.") from error
        except (KeyError, TypeError, ValueError) as error:
            raise SourceUnavailable("The login answers in a way that is not understood.") from error


@dataclass(frozen=True, slots=True)
class _Look:
    """At one drive."""

    account: _Account
    drive: str
    site: str
    until: float
    most_files: int

    def whole(self) -> Listing:
        try:
            items, link = self._delta(f"{self.drive}/root/delta")
        except _Stale as error:
            raise SourceMissing("The library is not there any more.") from error
        return Listing(self._files(_kept(items)), (), memory=json.dumps({"link": link, "whole": int(time.time())}))

    def changes(self, link: str, whole: int) -> Listing:
        """What the delta says since. Raises _Stale."""
        items, link = self._delta(link)
        if any("folder" in item and (_SHARED in item or "deleted" in item) for item in items):
            raise _Stale  # what is in it is not named
        kept = _kept(items)
        listed = {str(item["id"]) for item in kept}
        gone = tuple(str(item["id"]) for item in items if str(item["id"]) not in listed and "folder" not in item)
        return Listing(self._files(kept), (), gone, json.dumps({"link": link, "whole": whole}))

    def _delta(self, link: str) -> tuple[list[Any], str]:
        """Items by their last mention, and where the next delta begins. Raises _Stale."""
        items: dict[str, Any] = {}
        while True:
            try:
                found = self.account.api.get(link, deadline=self.until, headers={"Prefer": _CHANGES})
            except FileNotFoundError as error:  # 410, resyncRequired
                raise _Stale from error
            for item in found["value"]:
                items.pop(str(item["id"]), None)
                items[str(item["id"])] = item
            if len(items) > self.most_files:
                raise SourceTooLarge(f"A source may have {self.most_files:,} files at most.")
            if "@odata.nextLink" not in found:
                return list(items.values()), str(found["@odata.deltaLink"])
            link = str(found["@odata.nextLink"])

    def _files(self, items: Sequence[Any]) -> tuple[ListedFile, ...]:
        """With their readers; what is gone meanwhile is left out."""
        files: list[ListedFile] = []
        for first in range(0, len(items), _BATCH):
            some = items[first : first + _BATCH]
            for item, permissions in zip(some, self._permissions(some), strict=True):
                if permissions is not None:
                    files.append(_listed(item, self._readers(permissions)))
        return tuple(files)

    def _readers(self, permissions: Sequence[Any]) -> tuple[str, ...]:
        connection = self.account.connection
        return readers(permissions, self.site, connection.site_groups, everyone=connection.organisation_is_everyone)

    def _permissions(self, items: Sequence[Any]) -> list[Sequence[Any] | None]:
        """Of each item; empty where they cannot be had, None where the item is gone."""
        paths = [f"{self.drive}/items/{quote(str(item['id']), safe='')}/permissions" for item in items]
        requests = [
            {"id": str(number), "method": "GET", "url": path.removeprefix("/v1.0")} for number, path in enumerate(paths)
        ]
        answered = self.account.api.send("/v1.0/$batch", {"requests": requests}, self.until)
        replies = {str(each["id"]): each for each in answered["responses"]}
        return [self._of(path, replies.get(str(number), {})) for number, path in enumerate(paths)]

    def _of(self, path: str, reply: Mapping[str, Any]) -> Sequence[Any] | None:
        status, body = reply.get("status"), reply.get("body")
        if status == 404:
            return None
        try:
            if status != 200 or not isinstance(body, dict):
                body = self.account.api.get(path, deadline=self.until)  # which waits, where that is asked for
            found = list(body["value"])
            while "@odata.nextLink" in body:
                body = self.account.api.get(str(body["@odata.nextLink"]), deadline=self.until)
                found += body["value"]
        except FileNotFoundError:
            return None
        except (SourceMissing, FileUnavailable):
            return []
        return found


def _kept(items: Sequence[Any]) -> list[Any]:
    return [item for item in items if "file" in item and "deleted" not in item and not is_passing(str(item["name"]))]


def _parts(place: str) -> tuple[str, str, str]:
    """Name of the connection, path of the site, name of the library or "". Raises SourceNotAllowed."""
    found = _PLACE.fullmatch(place)
    if found is None:
        raise SourceNotAllowed("Name the library as sharepoint:CONNECTION/sites/SITE/LIBRARY.")
    return found[1], found[2], found[3] or ""


def _drive(account: _Account, site: str, library: str) -> str:
    """The path of a library. Raises SourceMissing."""
    host = urlsplit(f"//{account.connection.host}").hostname
    found = account.api.get(f"/v1.0/sites/{host}:/{quote(site)}")
    where = f"/v1.0/sites/{quote(str(found['id']), safe=',')}"
    if not library:
        return f"/v1.0/drives/{quote(str(account.api.get(f'{where}/drive')['id']), safe='!')}"
    answer = account.api.get(f"{where}/drives")
    for each in answer["value"]:
        if each["name"] == library:
            return f"/v1.0/drives/{quote(str(each['id']), safe='!')}"
    raise SourceMissing("The site has no such library, or the connection's account may not see it.")


def _listed(item: Any, named: tuple[str, ...]) -> ListedFile:
    name = str(item["name"])
    mark = f"{item.get('cTag') or item['eTag']} {name}"  # a name may change and the content not
    return ListedFile(
        path=str(item["id"]),
        size_bytes=int(item["size"]),
        mtime_ns=time_ns(datetime.fromisoformat(str(item["lastModifiedDateTime"]))),
        etag=hashlib.sha256(mark.encode()).hexdigest()[:32],
        readers=named,
        title=PurePosixPath(name).stem[:300],
        url=str(item.get("webUrl", "")),
        shown=name,
    )


@contextmanager
def _shaped(*, one: bool = False) -> Iterator[None]:
    """Answers of another shape than documented are a source that is not available; `one`: of a file."""
    try:
        yield
    except FileNotFoundError as error:
        if one:
            raise
        raise SourceMissing("There is no such site, or the connection's account may not see it.") from error
    except FileBlocked as error:
        if one:
            raise
        raise SourceUnavailable(error.detail) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SourceUnavailable("It answers in a way that is not understood.") from error
