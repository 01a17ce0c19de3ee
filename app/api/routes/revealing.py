"""/v1/documents/{document_id}/reveal"""

from __future__ import annotations

from fastapi import APIRouter

from app.api.auth import Revealer, Use
from app.api.privacy_schemas import Reveal, Revealed
from app.api.responses import problems

router = APIRouter(prefix="/v1/documents", tags=["documents"])


@router.post("/{document_id}/reveal", responses=problems(403, 404))
async def reveal(document_id: str, body: Reveal, principal: Revealer, services: Use) -> Revealed:
    """What stands behind a placeholder that the policy sealed. Each call is on the record before it is answered."""
    value = await services.revealing.reveal(principal, document_id, body.placeholder)
    return Revealed(placeholder=body.placeholder, value=value)
