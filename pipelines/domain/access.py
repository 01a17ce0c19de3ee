"""Who asks, what they may do, and what they may read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

EVERYONE = "everyone"  # every principal of the tenant


class Permission(StrEnum):
    READ = "documents:read"  # search, ask, and see documents whose readers lists name the principal
    WRITE = "documents:write"  # add, replace and delete documents
    MANAGE_COLLECTIONS = "collections:manage"  # make, change and reindex them; their golden sets and sources
    MANAGE_TENANT = "tenant:manage"  # keys, upkeep, and everybody's jobs
    READ_AUDIT = "audit:read"
    REVEAL = "personal-data:reveal"  # what a policy sealed, of documents that one may read


class Role(StrEnum):
    READER = "reader"
    EDITOR = "editor"
    COLLECTION_ADMIN = "collection_admin"
    TENANT_ADMIN = "tenant_admin"
    REVEALER = "revealer"  # a reader who may open what was sealed
    AUDITOR = "auditor"  # sees what was done, and no document


PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.READER: frozenset({Permission.READ}),
    Role.EDITOR: frozenset({Permission.READ, Permission.WRITE}),
    Role.COLLECTION_ADMIN: frozenset({Permission.READ, Permission.WRITE, Permission.MANAGE_COLLECTIONS}),
    Role.TENANT_ADMIN: frozenset(Permission) - {Permission.REVEAL},  # who needs it is given the role, on the record
    Role.REVEALER: frozenset({Permission.READ, Permission.REVEAL}),
    Role.AUDITOR: frozenset({Permission.READ_AUDIT}),
}
"""What each role may do: the only place that says so. No role may read a document whose readers do not name its holder."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. The tenant is the boundary nothing crosses; subjects are what readers lists name."""

    tenant_id: str
    user_id: str
    groups: frozenset[str] = frozenset()
    roles: frozenset[Role] = frozenset()
    key_id: str = field(default="", compare=False)  # by which they came; it makes nobody another

    @property
    def subject(self) -> str:
        """The person alone."""
        return f"user:{self.user_id}"

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset({EVERYONE, self.subject, *(f"group:{group}" for group in self.groups)})

    @property
    def who(self) -> str:
        """One word for one person."""
        return f"{self.tenant_id}/{self.user_id}"

    def may(self, permission: Permission) -> bool:
        return any(permission in PERMISSIONS[role] for role in self.roles)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as the catalog knows it: the SHA-256 of the secret, never the secret."""

    id: str
    name: str
    secret_sha256: str
    principal: Principal
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None  # to the minute

    def opens(self, at: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


class Entrance(NamedTuple):
    """Where people sign in, and as whose client."""

    authorization_url: str
    client_id: str
    scope: str


class SignedIn(NamedTuple):
    """A token that opens, whose it is, for how many seconds, and what gives the next one, where there is that."""

    token: str
    principal: Principal
    expires_in_s: int
    refresh_token: str | None
