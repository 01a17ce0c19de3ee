"""What a route requires of its caller, as annotated types."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from structlog.contextvars import bind_contextvars

from app.api.headers import CHARGED
from app.observability.requests import route_of
from app.services.bundle import Services
from pipelines.domain.access import Permission, Principal
from pipelines.domain.audit import Outcome
from pipelines.domain.errors import Forbidden, Unauthenticated

_bearer = HTTPBearer(auto_error=False, description="An API key: `Authorization: Bearer <key>`")


def _services(request: Request) -> Services:
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


Use = Annotated[Services, Depends(_services)]


async def charge(request: Request, principal: Principal) -> None:
    """A request, to whoever sends it, once: what it asks for inside this process is a part of it. From now on its log lines
    name its tenant. Raises RateLimited."""
    bind_contextvars(tenant=principal.tenant_id)
    if CHARGED in request.scope:
        return
    request.scope[CHARGED] = await _services(request).limits.request(principal)


async def _principal(
    request: Request, services: Use, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Principal:
    if given is None:
        raise Unauthenticated
    principal = services.identity.known(given.credentials)
    if principal is None:
        principal = await run_in_threadpool(services.identity.principal, given.credentials)
    await charge(request, principal)
    return principal


def known_reader(request: Request) -> Principal | None:
    """Who asks, where they are known without looking and may read."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    principal = _services(request).identity.known(secret) if scheme.lower() == "bearer" else None
    return principal if principal is not None and principal.may(Permission.READ) else None


def _who_may(permission: Permission, *, recorded: bool = True) -> Callable[..., Awaitable[Principal]]:
    """A dependency that lets pass who may, after putting it on the record; refusals are always on it."""

    async def permitted(
        request: Request, services: Use, principal: Annotated[Principal, Depends(_principal)]
    ) -> Principal:
        allowed = principal.may(permission)
        if recorded or not allowed:
            action = f"{request.method} {route_of(request.scope)}"
            outcome = Outcome.ALLOWED if allowed else Outcome.DENIED
            await services.audit.record(principal, action, request.path_params, outcome)
        if not allowed:
            raise Forbidden(f"This needs the permission {permission}, which none of your roles gives.")
        return principal

    return permitted


Known = Annotated[Principal, Depends(_principal)]
"""For what tells callers of themselves alone."""

Reader = Annotated[Principal, Depends(_who_may(Permission.READ, recorded=False))]
"""For what tells of documents without showing them; a search says itself which it shows."""

Viewer = Annotated[Principal, Depends(_who_may(Permission.READ))]
"""For what shows the text of a document that the path names."""

Editor = Annotated[Principal, Depends(_who_may(Permission.WRITE))]
CollectionAdmin = Annotated[Principal, Depends(_who_may(Permission.MANAGE_COLLECTIONS))]
Admin = Annotated[Principal, Depends(_who_may(Permission.MANAGE_TENANT))]
Revealer = Annotated[Principal, Depends(_who_may(Permission.REVEAL, recorded=False))]
"""The act says itself what it reveals."""

Auditor = Annotated[Principal, Depends(_who_may(Permission.READ_AUDIT))]
