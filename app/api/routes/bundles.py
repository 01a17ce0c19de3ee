"""/v1/bundles: archives whose files became documents."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import Field

from app.api import cursors
from app.api.auth import Reader, Use
from app.api.schemas import Job, JobError, Schema
from app.services.bundles import BundleState
from pipelines.domain import bundles
from pipelines.domain.errors import InvalidRequest
from pipelines.domain.ids import job_id
from pipelines.domain.jobs import JobKind

router = APIRouter(prefix="/v1/bundles", tags=["documents"])


class BundleFile(Schema):
    """What became of a file: a document, or an error. The path is empty once the document is erased."""

    path: str
    document_id: str | None
    version_id: str | None
    job_id: str | None
    duplicate: bool
    error: JobError | None

    @classmethod
    def of(cls, file: bundles.BundleFile) -> Self:
        return cls(
            path=file.path,
            document_id=file.document_id,
            version_id=file.version_id,
            job_id=job_id(JobKind.INGEST, file.version_id) if file.version_id else None,
            duplicate=file.duplicate,
            error=JobError.model_validate(file.problem) if file.problem else None,
        )


class Bundle(Schema):
    id: str
    collection_id: str
    filename: str
    size_bytes: int
    created_at: datetime
    job: Job | None
    files: list[BundleFile] = Field(description="that are through, in the archive's order")
    next_cursor: str | None

    @classmethod
    def of(cls, state: BundleState, limit: int) -> Self:
        bundle, files = state.bundle, state.files
        return cls(
            id=bundle.id,
            collection_id=bundle.collection_id,
            filename=bundle.filename,
            size_bytes=bundle.size_bytes,
            created_at=bundle.created_at,
            job=Job.model_validate(state.job) if state.job else None,
            files=[BundleFile.of(file) for file in files],
            next_cursor=cursors.encode(str(files[-1].position + 1)) if len(files) == limit else None,
        )


@router.get("/{bundle_id}")
def get_bundle(
    bundle_id: str,
    principal: Reader,
    services: Use,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
) -> Bundle:
    """For who sent it, and for tenant admins."""
    first = cursors.decode(cursor) or "0"
    if not first.isdecimal() or len(first) > 9:
        raise InvalidRequest("The cursor is not one that this server gave.")
    return Bundle.of(services.bundles.get(principal, bundle_id, int(first), limit), limit)
