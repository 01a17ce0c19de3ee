"""The promises of SourceReader (pipelines/ports.py) for SharePoint, and who reads its files, on a stand-in that may misbehave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from app.adapters.sharepoint import SharePoint
from app.adapters.sharepoint_access import readers
from app.adapters.source_connections import Connections
from pipelines.domain.errors import CairnError, FileTooLarge
from pipelines.domain.intake_errors import (
    FileBlocked,
    FileUnavailable,
    SourceMissing,
    SourceNotAllowed,
    SourceUnavailable,
)
from pipelines.domain.sources import ListedFile, Listing, Seen
from tests.fakes import sharepoint as fake
from tests.fakes.http_server import Reply
from tests.fakes.sharepoint import DRIVE, SECRET, group, site_group, user

PLACE = "sharepoint:intranet/sites/finance"
ITEMS = f"/v1.0/drives/{DRIVE}/items"
DELTA = f"/v1.0/drives/{DRIVE}/root/delta"


@pytest.fixture
def cloud() -> Iterator[fake.SharePoint]:
    with fake.sharepoint() as found:
        yield found


def _source(cloud: fake.SharePoint, folder: Path, more: str = "", size: int = 10**6) -> SharePoint:
    file = folder / "connections.toml"
    file.write_text(cloud.connection + more)
    connections = Connections.load(file, "acme")
    assert connections.secrets == [SECRET]
    return SharePoint(connections, folder / "incoming", size)


def _listing(source: SharePoint, memory: str = "") -> Listing:
    return source.listing("acme", PLACE, Seen(lambda _: "", memory))


def _readers(listing: Listing) -> dict[str, tuple[str, ...] | None]:
    return {file.path: file.readers for file in listing.files}


def _read(source: SharePoint, file: ListedFile) -> tuple[str, bytes, ListedFile]:
    with source.open("acme", PLACE, file) as content:
        return content.name, content.stream.read(), content.listed


def test_the_files_of_a_library_are_listed_with_their_readers_and_read(cloud: fake.SharePoint, tmp_path: Path) -> None:
    for number in range(25):  # more than a batch holds
        cloud.put(f"id{number}", f"Report {number}.md", f"# Report {number}", user(f"u{number}@contoso.com"))
    cloud.put("folder", "Plans", None)
    cloud.put("hidden", "~$Report.docx", "x")
    source = _source(cloud, tmp_path)
    for place in (PLACE, f"{PLACE}/Documents"):
        assert source.allowed("acme", place) == place
    listing = _listing(source)
    assert listing.gone is None
    files = {file.path: file for file in listing.files}
    assert set(files) == {f"id{number}" for number in range(25)}
    assert files["id7"].readers == ("user:id-of-u7@contoso.com", "user:u7@contoso.com")
    name, content, opened = _read(source, files["id7"])
    assert (name, content, opened) == ("Report 7.md", b"# Report 7", files["id7"])
    assert (opened.title, opened.shown, opened.url[:8]) == ("Report 7", "Report 7.md", "https://")
    assert source.exists("acme", PLACE, "id7")
    cloud.delete("id7")
    assert not source.exists("acme", PLACE, "id7")
    with pytest.raises(FileNotFoundError):
        _read(source, files["id7"])
    with pytest.raises(FileTooLarge):
        _read(_source(cloud, tmp_path, size=4), files["id8"])
    assert cloud.tokens == 2, "a token is used until it ends"


def test_a_delta_says_what_changed_and_only_that_is_read(cloud: fake.SharePoint, tmp_path: Path) -> None:
    for number in range(5):
        cloud.put(f"id{number}", f"{number}.md", "x", group("staff"))
    source = _source(cloud, tmp_path)
    first = _listing(source)
    asked = len(cloud.server.asked) if cloud.server else 0
    cloud.put("id0", "0.md", "changed", group("staff"))
    cloud.put("id1", "renamed.md", "x", group("staff"))
    cloud.share("id2", group("board"))
    cloud.delete("id3")
    cloud.put("id9", "new.md", "x", group("staff"))
    second = _listing(source, first.memory)
    assert (second.gone, set(_readers(second))) == (("id3",), {"id0", "id1", "id2", "id9"})
    assert _readers(second)["id2"] == ("group:board",)
    marks = {file.path: file.etag for file in first.files}
    changed = {file.path for file in second.files if file.etag != marks.get(file.path)}
    assert changed == {"id0", "id1", "id9"}, "who reads it is no change of the file"
    assert cloud.asked_whole == 1
    assert cloud.server is not None
    assert not [request for request in cloud.server.asked[asked:] if request.path.endswith("/permissions")]
    third = _listing(source, second.memory)
    assert (third.files, third.gone) == ((), ())
    for word in ("renamed", "new.md", "id9"):
        assert word not in second.memory, "what is remembered names no file"


def test_where_a_delta_does_not_say_all_everything_is_looked_at(cloud: fake.SharePoint, tmp_path: Path) -> None:
    cloud.put("folder", "Plans", None)
    cloud.put("id1", "1.md", "x", group("staff"))
    source = _source(cloud, tmp_path)
    first = _listing(source)
    cloud.put("folder", "Plans", None)  # touched
    assert _listing(source, first.memory).gone == ()
    cloud.share("folder", group("board"))
    cloud.items["id1"].permissions = [group("board")]  # inherited, and not said
    again = _listing(source, first.memory)
    assert (again.gone, _readers(again)) == (None, {"id1": ("group:board",)})
    cloud.delete("folder")
    assert _listing(source, again.memory).gone is None
    cloud.oldest = 10**6  # 410, resyncRequired
    assert _listing(source, again.memory).gone is None
    always = _source(cloud, tmp_path, "whole_every_s = 0\n")
    assert _listing(always, _listing(always).memory).gone is None


@pytest.mark.parametrize(
    ("permissions", "named"),
    [
        ([user("ada@contoso.com"), group("g-1")], ("group:g-1", "user:ada@contoso.com", "user:id-of-ada@contoso.com")),
        ([], ()),
        ([{"roles": [], "grantedToV2": {"group": {"id": "g-1"}}}], ()),
        ([{"roles": ["sp.limited access"], "grantedToV2": {"group": {"id": "g-1"}}}], ()),
        ([{"roles": ["read"], "grantedToV2": {"group": {"displayName": "Board"}}}], ()),
        ([{"roles": ["read"], "link": {"scope": "anonymous", "type": "view"}}], ()),
        (
            [
                {
                    "roles": ["read"],
                    "link": {"scope": "organization", "type": "view"},
                    "grantedToV2": {"group": {"id": "g"}},
                }
            ],
            (),
        ),
        (
            [{"roles": ["read"], "link": {"scope": "users"}, "grantedToIdentitiesV2": [{"user": {"id": "u-1"}}]}],
            ("user:u-1",),
        ),
        ([{"roles": ["read"], "link": {"scope": "users"}, "grantedToIdentitiesV2": None, "grantedToV2": None}], ()),
        ([site_group("Finance Members")], ("group:g-finance", "user:cfo")),
        ([site_group("Visitors")], ()),
        (
            [
                {
                    "roles": ["read"],
                    "grantedToV2": {"siteUser": {"loginName": "c:0-.f|rolemanager|spo-grid-all-users/d"}},
                }
            ],
            ("everyone",),
        ),
        (
            [
                {
                    "roles": ["read"],
                    "grantedToV2": {"siteUser": {"loginName": "x/c:0-.f|rolemanager|spo-grid-all-users"}},
                }
            ],
            (),
        ),
    ],
)
def test_who_a_permission_names(permissions: list[Mapping[str, Any]], named: tuple[str, ...]) -> None:
    groups = {"sites/finance/Finance Members": ["group:g-finance", "user:cfo"], "sites/other/Visitors": ["everyone"]}
    assert readers(permissions, "sites/finance", groups, everyone=True) == named
    without = readers(permissions, "sites/finance", groups, everyone=False)
    assert without == tuple(name for name in named if name != "everyone")


def test_a_list_of_thousands_closes_the_file_rather_than_being_cut() -> None:
    assert readers([group(f"g{number}") for number in range(2_001)], "sites/x", {}, everyone=False) == ()


def test_permissions_that_cannot_be_had_close_the_file(cloud: fake.SharePoint, tmp_path: Path) -> None:
    cloud.put("id1", "1.md", "x", group("staff"))
    cloud.put("id2", "2.md", "x", group("staff"))
    cloud.items["id2"].permissions = None
    source = _source(cloud, tmp_path)
    assert _readers(_listing(source)) == {"id1": ("group:staff",), "id2": ()}
    cloud.faults["/v1.0/$batch"] = Reply(200, b'{"responses": [{"id": "1", "status": 429}]}')
    assert _readers(_listing(source)) == {"id1": ("group:staff",), "id2": ()}, "asked for one by one"


@pytest.mark.parametrize(
    ("path", "reply", "error"),
    [
        (DELTA, Reply(500), SourceUnavailable),
        (DELTA, Reply(429, headers={"Retry-After": "3600"}), SourceUnavailable),
        (DELTA, Reply(404), SourceMissing),
        (DELTA, Reply(403), SourceMissing),
        (DELTA, Reply(200, b"no json"), SourceUnavailable),
        (
            DELTA,
            Reply(200, b'{"value": [{"id": "id1", "file": {}, "name": "x.md"}], "@odata.deltaLink": "x"}'),
            SourceUnavailable,
        ),
        (DELTA, Reply(200, b'{"value": [], "@odata.nextLink": "http://169.254.169.254/latest"}'), SourceUnavailable),
        (DELTA, Reply(302, headers={"Location": "http://169.254.169.254/latest"}), SourceUnavailable),
        (DELTA, Reply(200, b"x" * 500, cut=1), SourceUnavailable),
        ("/v1.0/$batch", Reply(500), SourceUnavailable),
        ("/directory-1/oauth2/v2.0/token", Reply(400), SourceMissing),
        ("/directory-1/oauth2/v2.0/token", Reply(200, b"{}"), SourceUnavailable),
        ("/v1.0/sites/contoso.sharepoint.com:/sites/finance", Reply(404), SourceMissing),
        (f"{ITEMS}/id1", Reply(500), SourceUnavailable),
        (f"{ITEMS}/id1", Reply(200, b"{}"), FileNotFoundError),
        (f"{ITEMS}/id1/content", Reply(302, headers={"Location": "http://169.254.169.254/latest"}), FileBlocked),
        (f"{ITEMS}/id1/content", Reply(403), FileUnavailable),
    ],
)
def test_what_fails_is_said_and_nothing_is_listed_as_gone(
    cloud: fake.SharePoint, tmp_path: Path, path: str, reply: Reply, error: type[CairnError]
) -> None:
    cloud.put("id1", "1.md", "x", group("staff"))
    source = _source(cloud, tmp_path)
    cloud.faults[path] = reply
    with pytest.raises(error):
        if path.startswith(ITEMS):
            _read(source, ListedFile("id1", -1, -1))
        else:
            _listing(source)


def test_another_tenants_connection_and_places_that_are_none(cloud: fake.SharePoint, tmp_path: Path) -> None:
    source = _source(cloud, tmp_path)
    for tenant, place in (
        ("rival", PLACE),
        ("acme", "sharepoint:other/sites/finance"),
        ("acme", "sharepoint:intranet"),
        ("acme", "sharepoint:intranet/sites/../drives"),
        ("acme", "sharepoint:intranet/sites/finance/a/b"),
    ):
        with pytest.raises((SourceNotAllowed, SourceMissing)) as caught:
            source.allowed(tenant, place)
        assert caught.type is SourceNotAllowed or ".." in place
    for place in (f"{PLACE}/Nothing", "sharepoint:intranet/sites/never"):
        with pytest.raises(SourceMissing):
            source.allowed("acme", place)
