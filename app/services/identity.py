"""Who is asking: API keys, and the tenants they belong to. Only the SHA-256 of a key is ever stored."""

from __future__ import annotations

import hashlib
import secrets

from pipelines.domain.access import ApiKey, Principal, Role
from pipelines.domain.errors import Unauthenticated
from pipelines.domain.ids import derived_id
from pipelines.ports import Catalog, Clock

FIRST_TENANT = "main"
KEY_PREFIX = "cairn_sk_"


class Identity:
    """Sync: call it from a thread."""

    def __init__(self, catalog: Catalog, clock: Clock) -> None:
        self._catalog = catalog
        self._clock = clock

    def principal(self, secret: str) -> Principal:
        """The principal of an API key. Raises Unauthenticated."""
        with self._catalog.read() as uow:
            key = uow.keys.by_secret_sha256(_digest(secret))
        if key is None:
            raise Unauthenticated
        return key.principal

    def install_first_key(self, secret: str) -> None:
        """Makes `secret` a tenant admin's key of the first tenant; the same secret twice is one key."""
        at = self._clock()
        principal = Principal(FIRST_TENANT, "admin", roles=frozenset({Role.TENANT_ADMIN}))
        key = ApiKey(derived_id("key", _digest(secret)), "first key", _digest(secret), principal)
        with self._catalog.begin() as uow:
            uow.keys.add_tenant(FIRST_TENANT, FIRST_TENANT, at)
            uow.keys.add(key, at)


def new_secret() -> str:
    """A key of 256 random bits; its prefix lets scanners find one that leaked."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
