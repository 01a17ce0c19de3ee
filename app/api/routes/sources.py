"""/v1/collections/{name}/sources: places whose files are documents of the collection."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter, Query, Response
from pydantic import Field

from app.api.auth import Admin, Use
from app.api.readers import readers_of
from app.api.responses import problems
from app.api.schemas import Job, Schema
from app.services.sources import NewSource, SourceState

router = APIRouter(prefix="/v1/collections/{name}/sources", tags=["sources"])

DAY_S = 24 * 3_600


class SourceRequest(Schema):
    path: str = Field(
        min_length=1, max_length=4_096, description="a folder of the server, or a bucket: docs/sources.md"
    )
    readers: list[str] | None = Field(default=None, description="user:NAME, group:NAME or everyone; null: everyone")
    interval_s: int = Field(default=300, ge=60, le=30 * DAY_S, description="between two looks at it")


class SyncRequest(Schema):
    accept_removals: bool = Field(default=False, description="delete what is gone, however much that is")
    retry_problems: bool = Field(default=False, description="try files again that were refused")


class Problem(Schema):
    """A file that is not in the collection as it is in the source, and why."""

    path: str
    code: str
    detail: str


class LastPass(Schema):
    at: datetime
    counts: Mapping[str, int]


class Source(Schema):
    id: str
    path: str
    readers: list[str] | None
    interval_s: int
    created_at: datetime
    next_at: datetime
    removing: bool
    last_pass: LastPass | None
    job: Job | None = Field(description="of the pass that goes on, or of the last one")
    problems: list[Problem] = Field(description="the first 200")

    @classmethod
    def of(cls, state: SourceState) -> Self:
        source = state.source
        return cls(
            id=source.id,
            path=source.path,
            readers=None if source.readers is None else sorted(source.readers),
            interval_s=source.interval_s,
            created_at=source.created_at,
            next_at=source.next_at,
            removing=source.removing,
            last_pass=LastPass.model_validate(source.last) if source.last else None,
            job=Job.model_validate(state.job) if state.job else None,
            problems=[
                Problem(path=file.path, code=file.problem.code, detail=file.problem.detail)
                for file in state.problems
                if file.problem
            ],
        )


class SourceList(Schema):
    sources: list[Source]


@router.post("", status_code=HTTPStatus.CREATED, responses=problems(409))
async def add_source(name: str, body: SourceRequest, principal: Admin, services: Use) -> Source:
    """Its files become documents from now on, and stay as they are there."""
    new = NewSource(body.path, readers_of(body.readers), body.interval_s)
    return Source.of(await services.sources.add(principal, name, new))


@router.get("")
def list_sources(name: str, principal: Admin, services: Use) -> SourceList:
    return SourceList(sources=[Source.of(each) for each in services.sources.all(principal, name)])


@router.get("/{source_id}")
def get_source(name: str, source_id: str, principal: Admin, services: Use) -> Source:
    return Source.of(services.sources.get(principal, name, source_id))


@router.post("/{source_id}/sync", status_code=HTTPStatus.ACCEPTED, responses=problems(409))
async def sync_source(
    name: str, source_id: str, principal: Admin, services: Use, body: SyncRequest | None = None
) -> Job:
    """Looks at the source now; the pass that goes on already, where there is one."""
    wanted = body or SyncRequest()
    return Job.model_validate(
        await services.sources.sync(
            principal,
            name,
            source_id,
            accept_removals=wanted.accept_removals,
            retry_problems=wanted.retry_problems,
        )
    )


@router.delete("/{source_id}", responses={202: {"model": Job, "description": "Its documents are being deleted"}})
async def remove_source(
    name: str,
    source_id: str,
    principal: Admin,
    services: Use,
    documents: Annotated[bool, Query(description="delete its documents too, with receipts")] = False,
) -> Response:
    """It is not looked at any more; its documents stay, unless they are to go too."""
    job = await services.sources.remove(principal, name, source_id, with_documents=documents)
    if job is None:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return Response(Job.model_validate(job).model_dump_json(), HTTPStatus.ACCEPTED, media_type="application/json")
