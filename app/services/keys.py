"""The API keys of a tenant: made, listed, replaced and revoked. A secret is shown once, to who makes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from app.services.identity import digest, new_secret
from pipelines.domain.access import ApiKey, Principal
from pipelines.domain.errors import KeyNotFound, TooManyKeys
from pipelines.domain.ids import new_id
from pipelines.ports import Catalog, Clock

_MOST = 1_000  # that open, of one tenant


@dataclass(frozen=True, slots=True)
class Issued:
    key: ApiKey
    secret: str


@dataclass(frozen=True, slots=True)
class Keys:
    """Sync: call it from a thread. Keys of other tenants answer like absent ones."""

    catalog: Catalog
    clock: Clock

    def create(self, holder: Principal, name: str, days: int | None) -> Issued:
        """A key that opens for so many days; None: until it is revoked. Raises TooManyKeys."""
        at, secret = self.clock(), new_secret()
        expires_at = None if days is None else at + timedelta(days=days)
        key = ApiKey(new_id("key"), name, digest(secret), holder, at, expires_at)
        with self.catalog.begin() as uow:
            if sum(each.opens(at) for each in uow.keys.all(holder.tenant_id)) >= _MOST:
                raise TooManyKeys
            uow.keys.add(key)
        return Issued(key, secret)

    def all(self, admin: Principal) -> list[ApiKey]:
        """Newest first, those that ended too."""
        with self.catalog.read() as uow:
            return uow.keys.all(admin.tenant_id)

    def rotate(self, admin: Principal, key_id: str, grace: timedelta) -> Issued:
        """A new key for the same principal and as long; the old one opens until `grace` is over.

        Raises KeyNotFound, TooManyKeys.
        """
        old, at = self._find(admin, key_id), self.clock()
        if not old.opens(at):
            raise KeyNotFound("This key has ended; make a new one.")
        issued = self.create(
            old.principal, old.name, (old.expires_at - old.created_at).days if old.expires_at else None
        )
        with self.catalog.begin() as uow:
            uow.keys.end(key_id, expires_at=at + grace)
        return issued

    def revoke(self, admin: Principal, key_id: str) -> None:
        """It opens nothing from now on. Raises KeyNotFound."""
        self._find(admin, key_id)
        with self.catalog.begin() as uow:
            uow.keys.end(key_id, revoked_at=self.clock())

    def _find(self, admin: Principal, key_id: str) -> ApiKey:
        with self.catalog.read() as uow:
            key = uow.keys.find(admin.tenant_id, key_id)
        if key is None:
            raise KeyNotFound
        return key
