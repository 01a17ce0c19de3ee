"""Microsoft Graph 1.0 with one site of SharePoint on loopback, as https://learn.microsoft.com/graph/api/ documents it.

Tokens for an app, a site by its path, drives, delta in pages with links, permissions alone and in batches, contents by a redirect
to another host that must not be given the token.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from tests.fakes.http_server import HttpServer, Reply, Request, http_server, json_reply

SECRET = "the-secret-of-the-app"
START = datetime(2026, 1, 1, tzinfo=UTC)
DRIVE = "b!drive-1"


def user(name: str) -> dict[str, Any]:
    return {
        "roles": ["read"],
        "grantedToV2": {"user": {"id": f"id-of-{name}", "email": name, "displayName": "Someone"}},
    }


def group(name: str) -> dict[str, Any]:
    return {"roles": ["write"], "grantedToV2": {"group": {"id": name, "displayName": "Everybody's name"}}}


def site_group(name: str, role: str = "read") -> dict[str, Any]:
    return {"roles": [role], "grantedToV2": {"siteGroup": {"id": "5", "displayName": name, "loginName": name}}}


@dataclass
class Item:
    """A file, or a folder where it has no content. `change` is its place in the delta."""

    name: str
    content: bytes | None
    permissions: list[dict[str, Any]] | None = field(default_factory=list)
    version: int = 1
    change: int = 0
    deleted: bool = False
    shared_changed: bool = False


@dataclass
class SharePoint:
    """`faults` by path come first. `asked_whole` counts delta queries without a token."""

    items: dict[str, Item] = field(default_factory=dict)
    faults: dict[str, Reply] = field(default_factory=dict)
    page_size: int = 3
    oldest: int = 0  # tokens before are refused (410)
    asked_whole: int = 0
    tokens: int = 0
    server: HttpServer | None = None
    files: HttpServer | None = None
    _clock: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def url(self) -> str:
        assert self.server is not None
        return self.server.url

    @property
    def connection(self) -> str:
        assert self.files is not None
        return f"""
[intranet]
kind = "sharepoint"
host = "contoso.sharepoint.com"
directory = "directory-1"
client_id = "app-1"
client_secret = "{SECRET}"
url = "{self.url}"
login_url = "{self.url}"
download_hosts = ["127.0.0.1:{self.files.port}"]
requests_per_s = 1000
"""

    def put(self, id_: str, name: str, content: str | None, *permissions: dict[str, Any]) -> None:
        """New, or other than it was; without content a folder."""
        before = self.items.get(id_)
        body = None if content is None else content.encode()
        same = before is not None and before.content == body
        version = 1 if before is None else before.version + (not same)
        self.items[id_] = Item(name, body, list(permissions), version, next(self._clock))

    def share(self, id_: str, *permissions: dict[str, Any]) -> None:
        self.items[id_].permissions = list(permissions)
        self.items[id_].change, self.items[id_].shared_changed = next(self._clock), True

    def delete(self, id_: str) -> None:
        self.items[id_].change, self.items[id_].deleted = next(self._clock), True

    def answer(self, request: Request) -> Reply:
        if request.path in self.faults:
            return self.faults[request.path]
        if request.path == "/directory-1/oauth2/v2.0/token":
            return self._token(request)
        if request.headers.get("authorization") != f"Bearer token-{self.tokens}":
            return json_reply({"error": {"code": "InvalidAuthenticationToken"}}, 401)
        if request.path == "/v1.0/$batch":
            asked = json.loads(request.body)["requests"]
            assert len(asked) <= 20
            return json_reply({"responses": [self._batched(each) for each in asked]})
        return self._of(request)

    def _of(self, request: Request) -> Reply:
        match request.path.removeprefix("/v1.0/").split("/"):
            case ["sites", "contoso.sharepoint.com:", "sites", "finance"]:
                return json_reply({"id": "contoso.sharepoint.com,1,2", "displayName": "Finance"})
            case ["sites", "contoso.sharepoint.com,1,2", "drive"]:
                return json_reply({"id": DRIVE, "name": "Documents"})
            case ["sites", "contoso.sharepoint.com,1,2", "drives"]:
                return json_reply(
                    {"value": [{"id": DRIVE, "name": "Documents"}, {"id": "b!other", "name": "Old papers"}]}
                )
            case ["drives", drive, "root", "delta"] if drive == DRIVE:
                return self._delta(request)
            case ["drives", drive, "items", id_, *rest] if drive == DRIVE and self._there(id_):
                if rest == ["permissions"]:
                    permissions = self.items[id_].permissions
                    return json_reply({"error": {}}, 403) if permissions is None else json_reply({"value": permissions})
                if rest == ["content"]:
                    assert self.files is not None
                    return Reply(302, headers={"Location": f"{self.files.url}/{id_}?tempauth=x"})
                return json_reply(self._item(id_))
        return json_reply({"error": {"code": "itemNotFound"}}, 404)

    def content(self, request: Request) -> Reply:
        """What the other host gives, to who comes without a token of Graph."""
        assert "authorization" not in request.headers
        item = self.items[request.path.strip("/")]
        return Reply(200, item.content or b"")

    def _token(self, request: Request) -> Reply:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        wanted = {"grant_type": "client_credentials", "client_id": "app-1", "client_secret": SECRET}
        if not wanted.items() <= form.items() or form["scope"] != f"{self.url}/.default":
            return json_reply({"error": "invalid_client"}, 401)
        self.tokens += 1
        return json_reply({"token_type": "Bearer", "expires_in": 3_599, "access_token": f"token-{self.tokens}"})

    def _delta(self, request: Request) -> Reply:
        since, start = int(request.query.get("token", 0)), int(request.query.get("skip", 0))
        if "token" in request.query and since < self.oldest:
            return json_reply({"error": {"code": "resyncRequired"}}, 410)
        self.asked_whole += not request.query
        latest = max((item.change for item in self.items.values()), default=0)
        found = [id_ for id_, item in self.items.items() if (since < item.change if since else not item.deleted)]
        where = f"{self.url}{request.path}"
        part = [self._item(id_) for id_ in found[start : start + self.page_size]]
        if not since and not start:
            part = [{"id": "root", "name": "root", "root": {}, "folder": {}}, *part]
        if start + self.page_size < len(found):
            more = f"{where}?skip={start + self.page_size}" + (f"&token={since}" if since else "")
            return json_reply({"value": part, "@odata.nextLink": more})
        for item in self.items.values():
            item.shared_changed = False
        return json_reply({"value": part, "@odata.deltaLink": f"{where}?token={latest}"})

    def _there(self, id_: str) -> bool:
        return id_ in self.items and not self.items[id_].deleted

    def _item(self, id_: str) -> dict[str, Any]:
        item = self.items[id_]
        facet = {"folder": {"childCount": 0}} if item.content is None else {"file": {"mimeType": "text/plain"}}
        if item.deleted:
            return {"id": id_, "deleted": {"state": "deleted"}, **facet}
        return {
            "id": id_,
            "name": item.name,
            "size": len(item.content or b""),
            "eTag": f'"{{{id_}}},{item.version}"',
            "cTag": f'"c:{{{id_}}},{item.version}"',
            "lastModifiedDateTime": (START + timedelta(hours=item.version)).isoformat().replace("+00:00", "Z"),
            "webUrl": f"https://contoso.sharepoint.com/sites/finance/{item.name}",
            **({"@microsoft.graph.sharedChanged": "True"} if item.shared_changed else {}),
            **facet,
        }

    def _batched(self, asked: dict[str, Any]) -> dict[str, Any]:
        reply = self._of(Request(asked["method"], f"/v1.0{asked['url']}", {}, {}))
        return {"id": asked["id"], "status": reply.status, "body": json.loads(reply.body)}


@contextmanager
def sharepoint() -> Iterator[SharePoint]:
    found = SharePoint()
    with http_server(found.answer) as server, http_server(found.content) as files:
        found.server, found.files = server, files
        yield found
