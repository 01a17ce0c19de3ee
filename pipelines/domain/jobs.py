"""Jobs: the run of a workflow for a document, as a person follows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class JobKind(StrEnum):
    INGEST = "ingest-document"
    DELETE = "delete-document"
    REINDEX = "reindex-collection"


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
    """`done` of `total` in `unit` (pages, chunks) of the stage that is running."""

    done: int
    total: int
    unit: str


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
    ended_at: datetime | None
    output: Mapping[str, int | str] | None


@dataclass(frozen=True, slots=True)
class Job:
    """`run` counts the times the job was started: 1, and one more for each retry by a person.

    It is about a document, or about a collection and the generation that is built for it.
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
