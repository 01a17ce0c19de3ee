"""/v1/collections"""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter

from app.api.auth import Admin, Reader, Use
from app.api.schemas import Collection, CollectionList, Job, NewCollection, Reindex

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


@router.post("/{name}/reindex", status_code=HTTPStatus.ACCEPTED)
async def reindex_collection(name: str, principal: Admin, services: Use, body: Reindex | None = None) -> Job:
    """Builds the collection anew while the present build answers, then switches."""
    wanted = body or Reindex()
    return Job.model_validate(await services.reindexes.request(principal, name, wanted.embedding_model, wanted.chunker))
