"""Who reads a page of Confluence: who may view its space, and is on the list of the page and of each page above it that has one.

A list names people and groups. Somebody must be on all of them, so where lists name different groups, their members are compared;
what cannot be compared is on no common list. A list that cannot be had closes what it is about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from app.adapters.json_api import JsonApi
from app.adapters.source_connections import ConfluenceConnection
from pipelines.domain.access import EVERYONE
from pipelines.domain.intake_errors import FileUnavailable, SourceMissing

Readers = frozenset[str]
NOBODY: Readers = frozenset()

_AT_ONCE = 200
_MOST_MEMBERS = 50_000
_MOST_READERS = 2_000  # of one document; a longer list closes it


class Access:
    """Of one space, at one look. `pages` are all of its pages by id, with their ancestors and restrictions."""

    def __init__(
        self,
        api: JsonApi,
        connection: ConfluenceConnection,
        space: str,
        until: float,
        pages: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self._api = api
        self._everyone = frozenset(connection.everyone)
        self._until = until
        self._pages = pages
        self._members: dict[str, Readers | None] = {}
        self._known: dict[frozenset[Readers], Readers] = {}
        self._space = self._viewers(space, connection)

    def readers(self, page_id: str) -> tuple[str, ...]:
        """Sorted; empty where it cannot be told."""
        page = self._pages[page_id]
        above = [str(each["id"]) for each in page["ancestors"]]
        lists = [self._space]
        for id_ in (*above, page_id):
            found = self._pages.get(id_)
            listed = NOBODY if found is None else self._restricted(found)
            if listed is not None:
                lists.append(listed)
        key = frozenset(lists)
        if key not in self._known:
            self._known[key] = self._on_all(lists)
        return tuple(sorted(self._known[key]))

    def _restricted(self, page: Mapping[str, Any]) -> Readers | None:
        """Who is on the page's own list; None where it has none."""
        lists = page["restrictions"]["read"]["restrictions"]
        users, groups = lists["user"], lists["group"]
        if not users["results"] and not groups["results"]:
            return None
        return self._named(
            [str(each["username"]) for each in users["results"] if "username" in each],
            [str(each["name"]) for each in groups["results"]],
        )

    def _named(self, users: Iterable[str], groups: Iterable[str]) -> Readers:
        return frozenset(f"user:{user}" for user in users) | frozenset(
            EVERYONE if group in self._everyone else f"group:{group}" for group in groups
        )

    def _on_all(self, lists: list[Readers]) -> Readers:
        found = lists[0]
        for each in lists[1:]:
            found = self._both(found, each)
        return found if len(found) <= _MOST_READERS else NOBODY

    def _both(self, one: Readers, other: Readers) -> Readers:
        if EVERYONE in one or EVERYONE in other:
            return other if EVERYONE in one else one
        same = one & other
        return (
            same
            | self._inside(one - same, other)
            | self._inside(other - same, one)
            | self._met(one - same, other - same)
        )

    def _inside(self, people: Readers, groups: Readers) -> Readers:
        """The people who are members of one of the groups."""
        named = [person for person in people if person.startswith("user:")]
        return frozenset(person for person in named if any(person in self._of(group) for group in groups))

    def _met(self, one: Readers, other: Readers) -> Readers:
        """Who is in a group of each."""
        ours, theirs = (frozenset().union(*(self._of(group) for group in each)) for each in (one, other))
        return ours & theirs

    def _of(self, group: str) -> Readers:
        """Members as `user:NAME`; nobody where they cannot be had."""
        if not group.startswith("group:"):
            return NOBODY
        if group not in self._members:
            self._members[group] = self._asked(group.removeprefix("group:"))
        return self._members[group] or NOBODY

    def _asked(self, group: str) -> Readers | None:
        members: set[str] = set()
        start = 0
        try:
            while start < _MOST_MEMBERS:
                path = f"/rest/api/group/{quote(group, safe='')}/member"
                found = self._api.get(path, {"start": start, "limit": _AT_ONCE}, self._until)
                members |= {f"user:{each['username']}" for each in found["results"] if "username" in each}
                start += len(found["results"])
                if not found["results"] or "next" not in found.get("_links", {}):
                    return frozenset(members)
        except (FileNotFoundError, FileUnavailable, SourceMissing):
            pass
        return None

    def _viewers(self, space: str, connection: ConfluenceConnection) -> Readers:
        """Who may view the space; as the operator says, where Confluence does not say it (before 9.1)."""
        try:
            found = self._api.get(f"/rest/api/space/{quote(space)}/permissions", deadline=self._until)
        except (FileNotFoundError, FileUnavailable, SourceMissing):
            return frozenset(connection.space_readers)
        viewers: set[str] = set()
        for each in found["results"] if isinstance(found, dict) else found:
            operation, subject = each["operation"], each["subject"]
            if operation["operationKey"] != "read" or operation["targetType"] != "space":
                continue
            if subject["type"] == "group":
                viewers |= self._named([], [str(subject["name"])])
            elif subject["type"] == "anonymous":
                viewers.add(EVERYONE)
            elif subject["type"] == "user" and (name := self._user(subject)):
                viewers.add(f"user:{name}")
        return frozenset(viewers)

    def _user(self, subject: Mapping[str, Any]) -> str | None:
        """The name behind a key; None where it cannot be had."""
        if "username" in subject:
            return str(subject["username"])
        try:
            return str(self._api.get("/rest/api/user", {"key": subject["userKey"]}, self._until)["username"])
        except (FileNotFoundError, FileUnavailable, SourceMissing, KeyError):
            return None
