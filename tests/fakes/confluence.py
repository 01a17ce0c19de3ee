"""Confluence Data Center's REST API on loopback, as https://developer.atlassian.com/server/confluence/rest/ documents it.

Pages with versions, ancestors and restrictions, attachments, space permissions (9.1), groups, users; paged, with a token alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fakes.http_server import HttpServer, Reply, Request, http_server, json_reply

TOKEN = "the-token-of-the-wiki"
START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Page:
    title: str
    body: str
    parent: str | None = None
    space: str = "ENG"
    version: int = 1
    users: tuple[str, ...] = ()  # on its own list
    groups: tuple[str, ...] = ()
    attachments: dict[str, tuple[str, bytes, int]] = field(default_factory=dict)  # title, content, version by id

    def write(self, body: str, title: str | None = None) -> None:
        self.body, self.title, self.version = body, title or self.title, self.version + 1


@dataclass
class Confluence:
    """`viewers` of the space as (type, name); None: a version that does not say. `faults` by path come first."""

    pages: dict[str, Page] = field(default_factory=dict)
    viewers: list[tuple[str, str]] | None = field(default_factory=lambda: [("group", "staff")])
    members: dict[str, list[str]] = field(default_factory=dict)
    faults: dict[str, Reply] = field(default_factory=dict)
    page_size: int = 3
    server: HttpServer | None = None

    @property
    def url(self) -> str:
        assert self.server is not None
        return self.server.url

    def answer(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return json_reply({"statusCode": 401, "message": "Client must be authenticated"}, 401)
        if request.path in self.faults:
            return self.faults[request.path]
        match request.path.strip("/").split("/"):
            case ["rest", "api", "space", "ENG"]:
                return json_reply({"key": "ENG", "name": "Engineering", "type": "global"})
            case ["rest", "api", "space", "ENG", "permissions"] if self.viewers is not None:
                return json_reply([self._permission(kind, name) for kind, name in self.viewers])
            case ["rest", "api", "user"]:
                key = request.query["key"]
                return json_reply({"type": "known", "username": key.removeprefix("key-of-"), "userKey": key})
            case ["rest", "api", "group", name, "member"] if name in self.members:
                users = [
                    {"type": "known", "username": user, "userKey": f"key-of-{user}"} for user in self.members[name]
                ]
                return self._paged(request, users)
            case ["rest", "api", "content"]:
                ids = [id_ for id_, page in self.pages.items() if page.space == request.query["spaceKey"]]
                return self._paged(request, [self._page(id_, request) for id_ in ids])
            case ["rest", "api", "content", id_, "child", "attachment"] if id_ in self.pages:
                return self._paged(request, self._attachments(id_))
            case ["rest", "api", "content", id_] if id_ in self.pages:
                return json_reply(self._page(id_, request))
            case ["rest", "api", "content", id_]:
                for page_id in self.pages:
                    for each in self._attachments(page_id):
                        if each["id"] == id_:
                            return json_reply({**each, "space": {"key": self.pages[page_id].space}})
            case ["download", "attachments", page_id, id_] if page_id in self.pages:
                found = self.pages[page_id].attachments.get(id_)
                if found:
                    return Reply(200, found[1], {"Content-Type": "application/octet-stream"})
        return json_reply({"statusCode": 404, "message": "No content found"}, 404)

    def _page(self, id_: str, request: Request) -> dict[str, Any]:
        page = self.pages[id_]
        above = []
        while (parent := self.pages.get(page.parent or "")) is not None:
            above.insert(0, {"id": page.parent, "type": "page", "title": parent.title})
            page = parent
        page, expanded = self.pages[id_], request.query.get("expand", "")
        found: dict[str, Any] = {
            "id": id_,
            "type": "page",
            "status": "current",
            "title": page.title,
            "version": _version(page.version),
            "_links": {"webui": f"/spaces/ENG/pages/{id_}", "self": f"{self.url}/rest/api/content/{id_}"},
        }
        if "ancestors" in expanded:
            found["ancestors"] = above
        if "restrictions" in expanded:
            users = [{"type": "known", "username": name, "userKey": f"key-of-{name}"} for name in page.users]
            groups = [{"type": "group", "name": name} for name in page.groups]
            lists = {"user": _results(users), "group": _results(groups)}
            found["restrictions"] = {"read": {"operation": "read", "restrictions": lists}}
        if "children.attachment" in expanded:
            attachments = self._attachments(id_)
            found["children"] = {"attachment": {**_results(attachments[:2]), "limit": 2}}
        if "body.storage" in expanded:
            found["body"] = {"storage": {"value": page.body, "representation": "storage"}}
        if "space" in expanded:
            found["space"] = {"key": page.space}
        return found

    def _attachments(self, page_id: str) -> list[dict[str, Any]]:
        return [
            {
                "id": id_,
                "type": "attachment",
                "status": "current",
                "title": title,
                "version": _version(version),
                "extensions": {"fileSize": len(content)},
                "_links": {
                    "download": f"/download/attachments/{page_id}/{id_}?version={version}",
                    "webui": f"/pages/viewpage.action?pageId={page_id}&preview={id_}",
                },
            }
            for id_, (title, content, version) in self.pages[page_id].attachments.items()
        ]

    def _permission(self, kind: str, name: str) -> dict[str, Any]:
        subject = {"group": {"name": name}, "user": {"userKey": f"key-of-{name}"}}.get(kind, {})
        return {
            "operation": {"targetType": "space", "operationKey": "read"},
            "subject": {"type": kind, **subject},
            "spaceKey": "ENG",
        }

    def _paged(self, request: Request, found: Sequence[Mapping[str, Any]]) -> Reply:
        start, limit = int(request.query.get("start", 0)), min(self.page_size, int(request.query.get("limit", 25)))
        links = {"next": f"{request.path}?start={start + limit}"} if start + limit < len(found) else {}
        part = found[start : start + limit]
        return json_reply({"results": part, "start": start, "limit": limit, "size": len(part), "_links": links})


def _results(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"results": list(found), "start": 0, "limit": 200, "size": len(found)}


def _version(number: int) -> dict[str, Any]:
    when = (START + timedelta(hours=number)).isoformat().replace("+00:00", ".000Z")
    return {"number": number, "when": when, "by": {"type": "known"}}


@contextmanager
def confluence() -> Iterator[Confluence]:
    found = Confluence()
    with http_server(found.answer) as server:
        found.server = server
        yield found
