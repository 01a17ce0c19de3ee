"""/v1/admin/erasures: everything of a person or of a tenant, and the proof that it is gone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import AliasPath, Field, StringConstraints, model_validator

from app.api.auth import Admin, Use
from app.api.responses import problems
from app.api.routes.erasures import Erasure
from app.api.schemas import Schema, at
from pipelines.domain.erasure import ErasureStatus
from pipelines.domain.errors import InvalidRequest

router = APIRouter(prefix="/v1/admin/erasures", tags=["erasures"])


class EraseWhat(Schema):
    """One of them. `tenant` is your own, named so that nobody erases it by mistake."""

    user: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None
    tenant: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.user is None) == (self.tenant is None):
            raise ValueError("give either user or tenant")
        return self


class ErasureOrder(Schema):
    """`status` is verified once each document's erasure has its receipt."""

    id: str = at("order", "id")
    user: str | None = at("order", "user_id")
    asked_by: str = at("order", "asked_by")
    requested_at: datetime = at("order", "requested_at")
    status: ErasureStatus
    removed: Mapping[str, int] = Field(
        validation_alias=AliasPath("order", "removed"), description="at once, besides documents: rows by what they were"
    )
    erasures: list[Erasure]


@router.post("", status_code=HTTPStatus.ACCEPTED, responses=problems(403))
async def erase_everything(body: EraseWhat, principal: Admin, services: Use) -> ErasureOrder:
    """Of a person or of your tenant: documents, conversations, answers, feedback, sources; and their keys end. Invisible when
    this answers; a job for each document removes what is left, and ends in a signed receipt."""
    if body.tenant is not None and body.tenant != principal.tenant_id:
        raise InvalidRequest(f"tenant: yours is {principal.tenant_id!r}; another cannot be erased.")
    return ErasureOrder.model_validate(await services.erasure_orders.request(principal, body.user))


@router.get("/{order_id}", responses=problems(403, 404))
def get_erasure_order(order_id: str, principal: Admin, services: Use) -> ErasureOrder:
    """The proof: the receipts of all the documents."""
    return ErasureOrder.model_validate(services.erasure_orders.get(principal, order_id))
