"""Every route of the API asks for one permission; those that do not are named here, each with its reason."""

from __future__ import annotations

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from app.api.app import ROUTERS
from pipelines.domain.access import PERMISSIONS, Permission, Principal, Role

OPEN = {"/healthz", "/readyz", "/metrics"}  # for probes; they tell nothing of documents
SIGN_IN = {
    "/v1/sign-in",
    "/v1/sign-in/renew",
}  # for visitors whom nobody knows yet; they hand on what the provider gives
THEMSELVES = {"/v1/me"}  # tells callers who they are, whatever they may


ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def _asks(dependant: Dependant) -> int:
    own = getattr(dependant.call, "__qualname__", "") == "_who_may.<locals>.permitted"
    return own + sum(map(_asks, dependant.dependencies))


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{min(route.methods)} {route.path}")
def test_a_route_asks_for_one_permission(route: APIRoute) -> None:
    assert _asks(route.dependant) == (0 if route.path in OPEN | SIGN_IN | THEMSELVES else 1)


@pytest.mark.parametrize("role", Role)
def test_no_role_gives_less_than_reading_but_an_auditors(role: Role) -> None:
    assert Principal("acme", "ada", roles=frozenset({role})).may(Permission.READ) == (role is not Role.AUDITOR)


def test_nobody_may_anything_without_a_role() -> None:
    assert not any(Principal("acme", "ada").may(permission) for permission in Permission)
    assert PERMISSIONS.keys() == set(Role)
