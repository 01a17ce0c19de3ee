"""/v1/collections"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse

from app.api.auth import CollectionAdmin, Reader, Use
from app.api.readers import readers_of
from app.api.responses import problems
from app.api.schemas import (
    AnsweringChange,
    Collection,
    CollectionChange,
    CollectionList,
    GoldenSetSize,
    Job,
    NewCollection,
    Reindex,
)
from pipelines.evaluation.golden import InvalidGoldenSet

_JSON_LINES = {"requestBody": {"required": True, "content": {"application/x-ndjson": {"schema": {"type": "string"}}}}}

router = APIRouter(prefix="/v1/collections", tags=["collections"])


@router.post("", status_code=HTTPStatus.CREATED, responses=problems(409))
def create_collection(body: NewCollection, principal: CollectionAdmin, services: Use) -> Collection:
    return Collection.model_validate(
        services.collections.create(principal, body.name, body.chunker, readers_of(body.readers))
    )


@router.get("")
def list_collections(principal: Reader, services: Use) -> CollectionList:
    return CollectionList(collections=Collection.each(services.collections.all(principal)))


@router.get("/{name}")
def get_collection(name: str, principal: Reader, services: Use) -> Collection:
    return Collection.model_validate(services.collections.get(principal, name))


@router.patch("/{name}")
def change_collection(name: str, body: CollectionChange, principal: CollectionAdmin, services: Use) -> Collection:
    """How long documents are kept (those that are over are deleted within the hour, each with a receipt), and who reads
    those that come in from now on and name nobody."""
    if "readers" in body.model_fields_set:
        services.collections.read_by(principal, name, readers_of(body.readers))
    if "retention_days" in body.model_fields_set:
        services.retention.keep_for(principal, name, body.retention_days)
    return Collection.model_validate(services.collections.get(principal, name))


@router.patch("/{name}/answering", responses=problems(403, 404))
def change_answering(name: str, body: AnsweringChange, principal: CollectionAdmin, services: Use) -> Collection:
    """How its questions are answered; what is left out stays as it is."""
    changed = body.model_dump(exclude_unset=True)
    found = services.collections.answer_by(principal, name, lambda present: replace(present, **changed))
    return Collection.model_validate(found)


@router.put("/{name}/golden", openapi_extra=_JSON_LINES)
async def put_golden_set(name: str, request: Request, principal: CollectionAdmin, services: Use) -> GoldenSetSize:
    """JSON lines of {"question", "evidence": [{"document", "page"?, "quote"?}], "answer"?}: what builds are compared on."""
    try:
        text = (await request.body()).decode()
    except UnicodeDecodeError:
        raise InvalidGoldenSet("It is not UTF-8.") from None
    return GoldenSetSize(questions=await asyncio.to_thread(services.golden_sets.replace, principal, name, text))


@router.get("/{name}/golden", response_class=PlainTextResponse)
def get_golden_set(name: str, principal: CollectionAdmin, services: Use) -> str:
    return services.golden_sets.get(principal, name)


@router.delete("/{name}/golden", status_code=HTTPStatus.NO_CONTENT)
def delete_golden_set(name: str, principal: CollectionAdmin, services: Use) -> None:
    services.golden_sets.remove(principal, name)


@router.post("/{name}/reindex", status_code=HTTPStatus.ACCEPTED, responses=problems(409))
async def reindex_collection(name: str, principal: CollectionAdmin, services: Use, body: Reindex | None = None) -> Job:
    """Builds the collection anew while the present build answers, then switches."""
    wanted = body or Reindex()
    return Job.model_validate(await services.reindexes.request(principal, name, wanted.embedding_model, wanted.chunker))
