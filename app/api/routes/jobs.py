"""/v1/jobs"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from app.api import cursors
from app.api.auth import Editor, Reader, Use
from app.api.responses import problems
from app.api.schemas import Job, JobPage
from app.api.sse import SseEvent, stream
from app.services.bundle import Services
from pipelines.domain.access import Principal
from pipelines.domain.jobs import JobStatus
from pipelines.ports import JobFilter

_NUMBER = re.compile(r"[0-9]{1,18}")

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


@router.get("")
def list_jobs(
    principal: Reader,
    services: Use,
    status: JobStatus | None = None,
    document_id: str | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> JobPage:
    """Newest first."""
    found = services.jobs.page(principal, JobFilter(status, document_id), cursors.decode(cursor), limit)
    following = cursors.encode(found[-1].id) if len(found) == limit else None
    return JobPage(jobs=Job.each(found), next_cursor=following)


@router.get("/{job_id}")
def get_job(job_id: str, principal: Reader, services: Use) -> Job:
    return Job.model_validate(services.jobs.get(principal, job_id))


@router.post("/{job_id}/retry", status_code=HTTPStatus.ACCEPTED, responses=problems(409))
async def retry_job(job_id: str, principal: Editor, services: Use) -> Job:
    """Starts a failed or cancelled job again."""
    return Job.model_validate(await services.jobs.retry(principal, job_id))


@router.get("/{job_id}/events", response_class=StreamingResponse)
async def follow_job(
    job_id: str,
    request: Request,
    principal: Reader,
    services: Use,
    last_event_id: Annotated[str | None, Header(description="resume after this event")] = None,
) -> StreamingResponse:
    """The job's history, then what happens, as server-sent events; ends with the job."""
    await asyncio.to_thread(services.jobs.get, principal, job_id)  # a 404 must come before the stream begins
    after = int(last_event_id) if last_event_id and _NUMBER.fullmatch(last_event_id) else 0
    return stream(_events(services, principal, job_id, after), request)


async def _events(
    services: Services, principal: Principal, job_id: str, after: int
) -> AsyncGenerator[SseEvent | None, None]:
    async for event in services.jobs.follow(principal, job_id, after):
        if event is None:
            yield None
        else:
            data = {**event.data, "job_id": job_id, "at": event.at.isoformat()}
            yield SseEvent(event.name, data, id=str(event.sequence))
