"""Tenants: made by who operates the machine, for whom no key is a permission."""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.services.identity import digest, new_secret
from app.services.keys import Issued
from pipelines.domain.access import ApiKey, Principal, Role
from pipelines.domain.errors import Conflict, InvalidRequest
from pipelines.domain.ids import new_id
from pipelines.ports import Catalog, Clock

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")


class TenantExists(Conflict):
    """There is a tenant of this name already."""

    code = "tenant_exists"


@dataclass(frozen=True, slots=True)
class Tenants:
    """Sync: call it from a thread."""

    catalog: Catalog
    clock: Clock

    def create(self, name: str) -> Issued:
        """The key of its first admin. Raises InvalidRequest, TenantExists."""
        if not _NAME.fullmatch(name):
            raise InvalidRequest(
                "A tenant's name has 1 to 64 of a-z, 0-9, - and _, and a letter or digit at both ends."
            )
        at, secret = self.clock(), new_secret()
        admin = Principal(name, "admin", roles=frozenset({Role.TENANT_ADMIN}))
        key = ApiKey(new_id("key"), "first key", digest(secret), admin, at)
        with self.catalog.begin() as uow:
            if name in uow.keys.tenants():
                raise TenantExists(f"There is a tenant {name!r} already.")
            uow.keys.add_tenant(name, name, at)
            uow.keys.add(key)
        return Issued(key, secret)

    def all(self) -> list[str]:
        with self.catalog.read() as uow:
            return uow.keys.tenants()
