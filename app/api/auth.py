"""What a route requires of its caller, as annotated types."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.services.bundle import Services
from pipelines.domain.access import Principal, Role
from pipelines.domain.errors import Forbidden, Unauthenticated

_bearer = HTTPBearer(auto_error=False, description="An API key: `Authorization: Bearer <key>`")


def _services(request: Request) -> Services:
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


Use = Annotated[Services, Depends(_services)]


def _reader(services: Use, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Principal:
    if given is None:
        raise Unauthenticated
    return services.identity.principal(given.credentials)


Reader = Annotated[Principal, Depends(_reader)]
"""Anyone with a key."""


def _editor(principal: Reader) -> Principal:
    if not principal.roles & {Role.EDITOR, Role.TENANT_ADMIN}:
        raise Forbidden("This key may read only; uploading and deleting need the role editor.")
    return principal


Editor = Annotated[Principal, Depends(_editor)]
"""May add, replace and delete documents."""


def _admin(principal: Reader) -> Principal:
    if Role.TENANT_ADMIN not in principal.roles:
        raise Forbidden("This needs the role tenant admin.")
    return principal


Admin = Annotated[Principal, Depends(_admin)]
"""May change the tenant's collections and keys."""
