"""/v1/collections"""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter

from app.api.auth import Admin, Reader, Use
from app.api.schemas import Collection, CollectionList, NewCollection

router = APIRouter(prefix="/v1/collections", tags=["collections"])


@router.post("", status_code=HTTPStatus.CREATED)
def create_collection(body: NewCollection, principal: Admin, services: Use) -> Collection:
    return Collection.model_validate(services.collections.create(principal, body.name))


@router.get("")
def list_collections(principal: Reader, services: Use) -> CollectionList:
    return CollectionList(collections=Collection.each(services.collections.all(principal)))


@router.get("/{name}")
def get_collection(name: str, principal: Reader, services: Use) -> Collection:
    return Collection.model_validate(services.collections.get(principal, name))
