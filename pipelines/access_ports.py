"""Who may enter, and the record of what they do (a part of pipelines/ports.py)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from pipelines.domain import access, audit


class Keys(Protocol):
    def add_tenant(self, tenant_id: str, name: str, at: datetime) -> None: ...  # absent or equal: no error
    def tenants(self) -> list[str]: ...  # ids, in order
    def add(self, key: access.ApiKey) -> None: ...  # the same secret twice: no error, and nothing changes
    def by_secret_sha256(self, digest: str) -> access.ApiKey | None: ...  # revoked and expired ones too
    def find(self, tenant_id: str, key_id: str) -> access.ApiKey | None: ...
    def all(self, tenant_id: str) -> list[access.ApiKey]: ...  # newest first
    def end(self, key_id: str, *, revoked_at: datetime | None = None, expires_at: datetime | None = None) -> None: ...
    def used(self, key_id: str, at: datetime) -> None: ...


class Tokens(Protocol):
    """Tokens that another system gives people."""

    def principal(self, token: str) -> access.Principal: ...  # Unauthenticated, IdentityProviderUnavailable; sync


class SignIn(Protocol):
    """The way in through an identity provider: OAuth 2.0 authorization code with PKCE (RFC 6749, RFC 7636). Sync.

    All raise IdentityProviderUnavailable; `finish` and `renew` Unauthenticated.
    """

    def entrance(self) -> access.Entrance: ...
    def finish(self, code: str, verifier: str, redirect_uri: str) -> access.SignedIn: ...
    def renew(self, refresh_token: str) -> access.SignedIn: ...


class AuditLog(Protocol):
    """Acts, a chain for each tenant; append-only. `record` returns when they are written; AuditUnavailable when they are not.

    Written is: seen by every reader, whatever becomes of this process. With `durable` also: whatever becomes of the machine;
    without it that is so a moment later.
    """

    async def record(self, acts: Sequence[audit.Act], *, durable: bool = True) -> None: ...
    def lines(self, tenant_id: str, after: int, limit: int) -> list[tuple[int, str]]: ...  # by number, as kept; sync
    def head(self, tenant_id: str) -> audit.AuditHead | None: ...  # None: nothing was recorded; sync
