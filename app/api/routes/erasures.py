"""/v1/erasures: the proof that a deleted document is gone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import Field

from app.api.auth import Reader, Use
from app.api.schemas import Schema, Signature
from pipelines.domain.erasure import ALGORITHM, ErasureStatus, key_id

router = APIRouter(prefix="/v1/erasures", tags=["erasures"])


class Erasure(Schema):
    """`receipt` is there once every place was searched and nothing of the document was found."""

    id: str
    document_id: str
    status: ErasureStatus
    requested_at: datetime
    receipt: Mapping[str, Any] | None = Field(validation_alias="statement")
    signature: Signature | None


class PublicKey(Schema):
    algorithm: str
    key_id: str
    public_key: str = Field(description="32 bytes, base64")


@router.get("/key")
def get_key(_: Reader, services: Use) -> PublicKey:
    """What receipts are verified with."""
    key = services.erasures.public_key
    return PublicKey(algorithm=ALGORITHM, key_id=key_id(key), public_key=key)


@router.get("/{erasure_id}")
def get_erasure(erasure_id: str, principal: Reader, services: Use) -> Erasure:
    """For those who could read the document."""
    return Erasure.model_validate(services.erasures.get(principal, erasure_id))
