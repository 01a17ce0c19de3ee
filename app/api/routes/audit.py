"""/v1/admin/audit"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from app.api.auth import Auditor, Use
from app.api.schemas import Schema, Signature
from pipelines.domain.access import Principal
from pipelines.domain.audit import FIRST

router = APIRouter(prefix="/v1/admin/audit", tags=["admin"])

_JSON_LINES = "application/x-ndjson"


class AuditHead(Schema):
    """The end of the tenant's chain. What is signed is the canonical JSON of {audit_head: tenant_id, number, digest}."""

    tenant_id: str
    number: int
    digest: str
    signature: Signature | None
    public_key: str


@router.get(
    "",
    response_class=StreamingResponse,
    responses={200: {"content": {_JSON_LINES: {"schema": {"type": "string"}}}, "description": "A row a line"}},
)
async def export_audit(
    principal: Auditor,
    services: Use,
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="a row's number")] = 0,
) -> StreamingResponse:
    """The tenant's rows, oldest first; each holds the digest of the one before."""
    return StreamingResponse(_lines(services, principal, after), media_type=_JSON_LINES)


@router.get("/head")
async def get_audit_head(principal: Auditor, services: Use) -> AuditHead:
    """Where the chain ends, signed: with it an export can be verified by whoever holds it."""
    head, public_key = await services.audit.head(principal), services.audit.public_key
    if head is None:
        return AuditHead(tenant_id=principal.tenant_id, number=0, digest=FIRST, signature=None, public_key=public_key)
    signature = Signature.model_validate(head.signature)
    return AuditHead(
        tenant_id=head.tenant_id, number=head.number, digest=head.digest, signature=signature, public_key=public_key
    )


async def _lines(services: Use, principal: Principal, after: int) -> AsyncIterator[str]:
    async for line in services.audit.lines(principal, after):
        yield f"{line}\n"
