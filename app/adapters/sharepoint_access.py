"""Who reads an item of SharePoint, from its permissions as Microsoft Graph says them. Pure.

https://learn.microsoft.com/graph/api/resources/permission. People and groups are named by their ids and addresses, which are
theirs alone; never by a display name, which anybody may give to a group of their own. A group of a site is whoever the operator
says, since Graph does not say who is in it. A link that opens a file to whoever has it names nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pipelines.domain.access import EVERYONE

_READING = frozenset({"read", "write", "owner", "sp.full control"})
_ORGANISATION = "spo-grid-all-users"  # everyone except external users
_MOST = 2_000  # readers of one document; a longer list closes it


def readers(
    permissions: Iterable[Mapping[str, Any]], site: str, site_groups: Mapping[str, Iterable[str]], *, everyone: bool
) -> tuple[str, ...]:
    """Sorted. `site_groups` by `SITE/NAME`; `everyone`: the organisation is the tenant."""
    found: set[str] = set()
    for permission in permissions:
        if not _READING & {str(role).lower() for role in permission.get("roles", ())}:
            continue
        for identity in _identities(permission):
            found |= set(_named(identity, site, site_groups, everyone=everyone))
    return tuple(sorted(found)) if len(found) <= _MOST else ()


def _identities(permission: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "link" not in permission and permission.get("grantedToV2"):
        yield permission["grantedToV2"]
    yield from permission.get("grantedToIdentitiesV2") or ()


def _named(
    identity: Mapping[str, Any], site: str, site_groups: Mapping[str, Iterable[str]], *, everyone: bool
) -> Iterator[str]:
    for kind in ("user", "group"):
        for field in ("id", "email", "userPrincipalName") if kind in identity else ():
            if value := identity[kind].get(field):
                yield f"{kind}:{value}"
    if "siteGroup" in identity:
        yield from site_groups.get(f"{site}/{identity['siteGroup'].get('displayName', '')}", ())
    login = str(identity.get("siteUser", {}).get("loginName", ""))
    if everyone and login.startswith("c:0-.f|rolemanager|") and login.partition("/")[0].endswith(_ORGANISATION):
        yield EVERYONE
