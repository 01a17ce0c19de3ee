"""/v1/admin/keys"""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, StringConstraints

from app.api.auth import Admin, Use
from app.api.responses import problems
from app.api.schemas import Schema, Sorted, at
from pipelines.domain.access import Principal, Role

router = APIRouter(prefix="/v1/admin/keys", tags=["admin"])

DEFAULT_GRACE_HOURS = 24

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class NewKey(Schema):
    name: Name = Field(description="for people: what uses it")
    user: Name = Field(description="who acts through it; readers lists name it user:NAME")
    groups: list[Name] = Field([], max_length=200)
    roles: list[Role] = Field(min_length=1)
    expires_in_days: int | None = Field(None, ge=1, le=3_650, description="null: when it is revoked")


class Rotation(Schema):
    grace_hours: float = Field(DEFAULT_GRACE_HOURS, ge=0, le=720, description="how long the old key still opens")


class Key(Schema):
    id: str
    name: str
    user: str = at("principal", "user_id")
    groups: Sorted = at("principal", "groups")
    roles: Sorted = at("principal", "roles")
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="to the minute")


class IssuedKey(Schema):
    key: Key
    secret: str = Field(description="shown this once: only its digest is kept")


class KeyList(Schema):
    keys: list[Key]


@router.post("", status_code=HTTPStatus.CREATED, responses=problems(409))
def create_key(body: NewKey, principal: Admin, services: Use) -> IssuedKey:
    """A key for a person or a program of this tenant."""
    holder = Principal(principal.tenant_id, body.user, frozenset(body.groups), frozenset(body.roles))
    return IssuedKey.model_validate(services.keys.create(holder, body.name, body.expires_in_days))


@router.get("")
def list_keys(principal: Admin, services: Use) -> KeyList:
    """Newest first, those that ended too; never a secret."""
    return KeyList(keys=Key.each(services.keys.all(principal)))


@router.post("/{key_id}/rotate", status_code=HTTPStatus.CREATED, responses=problems(409))
def rotate_key(key_id: str, principal: Admin, services: Use, body: Rotation | None = None) -> IssuedKey:
    """A new secret for the same principal, under a new id; the old one opens a while longer."""
    grace = timedelta(hours=body.grace_hours if body else DEFAULT_GRACE_HOURS)
    return IssuedKey.model_validate(services.keys.rotate(principal, key_id, grace))


@router.delete("/{key_id}", status_code=HTTPStatus.NO_CONTENT)
def revoke_key(key_id: str, principal: Admin, services: Use) -> None:
    """It opens nothing from now on."""
    services.keys.revoke(principal, key_id)
