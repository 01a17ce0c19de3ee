"""Jobs: the run of a workflow for a document, as a person follows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pipelines.domain.ids import job_id

CHUNKED = "chunk-document"  # the step that says how many batches there are to embed
_INGEST_STEPS, _DELETE_STEPS = 7, 8  # of workflows/ingest.py without those batches, and of workflows/delete.py


class JobKind(StrEnum):
    INGEST = "ingest-document"
    DELETE = "delete-document"
    REINDEX = "reindex-collection"
    RECONCILE = "reconcile-tenant"
    SYNC = "sync-source"
    UNPACK = "unpack-bundle"
    EVALUATE = "evaluate-collection"


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        return self in (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)


class StepStatus(StrEnum):
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    RETRYING = "retrying"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` in `unit` (pages, chunks) of the stage that is running; `eta_s`: seconds left at its pace."""

    done: int
    total: int
    unit: str
    eta_s: float | None = None


@dataclass(frozen=True, slots=True)
class JobError:
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class JobStep:
    id: str
    status: StepStatus
    attempts: int
    started_at: datetime
    ended_at: datetime | None  # of the last attempt
    retry_at: datetime | None  # when the next attempt comes, of one that is retrying
    output: Mapping[str, int | str] | None


@dataclass(frozen=True, slots=True)
class Job:
    """`run` counts the times the job was started: 1, and one more for each retry by a person.

    It is about a document, about a collection and the generation that is built for it, about a source, about a bundle, about a
    run of golden questions, or about the tenant's library. One with a `user_id` is seen by that person and by tenant admins only.
    """

    id: str
    tenant_id: str
    kind: JobKind
    status: JobStatus
    document_id: str | None
    version_id: str | None
    run: int
    steps: tuple[JobStep, ...]
    progress: Progress | None
    error: JobError | None
    created_at: datetime
    updated_at: datetime
    collection_id: str | None = None
    generation_id: str | None = None
    source_id: str | None = None
    bundle_id: str | None = None
    evaluation_id: str | None = None
    user_id: str | None = None

    @property
    def steps_done(self) -> int:
        return sum(step.status is StepStatus.SUCCEEDED for step in self.steps)

    @property
    def steps_total(self) -> int | None:
        """How many steps it takes, where that can be told: of an ingest, once its chunks are counted; of all, at the end."""
        if self.status is JobStatus.SUCCEEDED:
            return len(self.steps)
        if self.kind is JobKind.INGEST:
            return next(
                (_INGEST_STEPS + _batches(step) for step in self.steps if step.id == CHUNKED and step.output), None
            )
        return _DELETE_STEPS if self.kind is JobKind.DELETE else None


def _batches(step: JobStep) -> int:
    assert step.output is not None
    return -(-int(step.output["chunks"]) // int(step.output["batch_size"]))


def queued(
    kind: JobKind,
    tenant_id: str,
    subject_id: str,
    at: datetime,
    *,
    document_id: str | None = None,
    version_id: str | None = None,
    collection_id: str | None = None,
    generation_id: str | None = None,
    source_id: str | None = None,
    bundle_id: str | None = None,
    evaluation_id: str | None = None,
    user_id: str | None = None,
) -> Job:
    """The job of a kind of work on a subject, before its first run. There is one: a retry is the same job again."""
    return Job(
        id=job_id(kind, subject_id),
        tenant_id=tenant_id,
        kind=kind,
        status=JobStatus.QUEUED,
        document_id=document_id,
        version_id=version_id,
        run=1,
        steps=(),
        progress=None,
        error=None,
        created_at=at,
        updated_at=at,
        collection_id=collection_id,
        generation_id=generation_id,
        source_id=source_id,
        bundle_id=bundle_id,
        evaluation_id=evaluation_id,
        user_id=user_id,
    )


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One line of a job's history; `sequence` grows by one from 1 within a job."""

    job_id: str
    sequence: int
    name: str  # step.started, step.progress, step.completed, step.retrying, job.succeeded, job.failed, job.cancelled
    data: Mapping[str, object]
    at: datetime


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """An event to be sent to the workflow engine; committed with the rows it speaks of."""

    id: str  # deterministic: the engine drops a second one
    name: str
    data: Mapping[str, object]
