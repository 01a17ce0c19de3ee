"""/v1/me"""

from __future__ import annotations

from typing import Self

from fastapi import APIRouter

from app.api.auth import Known
from app.api.schemas import Schema
from pipelines.domain.access import Permission, Principal, Role

router = APIRouter(prefix="/v1/me", tags=["me"])


class Me(Schema):
    """Whose key or token was sent, and what they may do."""

    tenant: str
    user: str
    groups: list[str]
    roles: list[Role]
    permissions: list[Permission]

    @classmethod
    def of(cls, principal: Principal) -> Self:
        return cls(
            tenant=principal.tenant_id,
            user=principal.user_id,
            groups=sorted(principal.groups),
            roles=sorted(principal.roles),
            permissions=[permission for permission in Permission if principal.may(permission)],
        )


@router.get("")
async def get_me(principal: Known) -> Me:
    """Who you are here."""
    return Me.of(principal)
