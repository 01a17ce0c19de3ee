"""Who is asking: by an API key, of which only the SHA-256 is stored, or by a token of an identity provider."""

from __future__ import annotations

import hashlib
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from app.services.caching.unchanged import Unchanged
from pipelines.domain.access import ApiKey, Principal, Role
from pipelines.domain.errors import DependencyUnavailable, Unauthenticated
from pipelines.domain.ids import derived_id
from pipelines.ports import Catalog, Clock, Tokens

FIRST_TENANT = "main"
KEY_PREFIX = "cairn_sk_"
_DOTS_OF_A_JWT = 2
_NOTED_EVERY = timedelta(minutes=1)


class Identity:
    """Sync: call it from a thread, except for `known`."""

    def __init__(self, catalog: Catalog, clock: Clock, tokens: Tokens | None = None) -> None:
        self._catalog = catalog
        self._tokens = tokens
        self._clock = clock
        self._keys: Unchanged[str, ApiKey] = Unchanged(catalog)  # by the SHA-256 of their secrets
        self._noted: dict[str, datetime] = {}  # when a key's use was written down, by its id
        self._notes = ThreadPoolExecutor(1, "key-use")

    def principal(self, secret: str) -> Principal:
        """The principal of an API key or a token. Raises Unauthenticated, IdentityProviderUnavailable.

        Whether a key never was, ended or was revoked is not told.
        """
        if self._tokens is not None and secret.count(".") == _DOTS_OF_A_JWT:
            return self._tokens.principal(secret)
        sha256, commits = digest(secret), self._keys.now
        with self._catalog.read() as uow:
            key = uow.keys.by_secret_sha256(sha256)
        if key is None or not key.opens(self._clock()):
            raise Unauthenticated
        self._keys.put(sha256, key, commits)
        return self._used(key)

    def known(self, secret: str) -> Principal | None:
        """The principal of an API key that opened a moment ago, while the catalog cannot say otherwise by now."""
        key = self._keys.get(digest(secret))
        return self._used(key) if key is not None and key.opens(self._clock()) else None

    def _used(self, key: ApiKey) -> Principal:
        at = self._clock()
        if at - self._noted.get(key.id, key.last_used_at or key.created_at - _NOTED_EVERY) >= _NOTED_EVERY:
            self._noted[key.id] = at
            self._notes.submit(self._note, key.id, at)  # nobody waits for it
        return replace(key.principal, key_id=key.id)

    def install_first_key(self, secret: str) -> None:
        """Makes `secret` a tenant admin's key of the first tenant, unless it was one already, revoked or not."""
        at = self._clock()
        principal = Principal(FIRST_TENANT, "admin", roles=frozenset({Role.TENANT_ADMIN}))
        with self._catalog.begin() as uow:
            uow.keys.add_tenant(FIRST_TENANT, FIRST_TENANT, at)
            uow.keys.add(ApiKey(derived_id("key", digest(secret)), "first key", digest(secret), principal, at))

    def close(self) -> None:
        """Returns when the uses of keys are written down."""
        self._notes.shutdown()
        self._notes = ThreadPoolExecutor(1, "key-use")

    def _note(self, key_id: str, at: datetime) -> None:
        with suppress(DependencyUnavailable), self._catalog.begin() as uow:
            uow.keys.used(key_id, at)


def new_secret() -> str:
    """A key of 256 random bits; its prefix lets scanners find one that leaked."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
