"""Who asks, and who may read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

EVERYONE = "everyone"  # every principal of the tenant


class Role(StrEnum):
    READER = "reader"
    EDITOR = "editor"
    TENANT_ADMIN = "tenant_admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. The tenant is the boundary nothing crosses; subjects are what readers lists name."""

    tenant_id: str
    user_id: str
    groups: frozenset[str] = frozenset()
    roles: frozenset[Role] = frozenset()

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset({EVERYONE, f"user:{self.user_id}", *(f"group:{group}" for group in self.groups)})


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as the catalog knows it: the SHA-256 of the secret, never the secret."""

    id: str
    name: str
    secret_sha256: str
    principal: Principal
