"""The course of a job, written by the workflows as they go (the JobRecord of workflows/steps.py)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

import structlog
from structlog.contextvars import bound_contextvars

from app.observability.metrics import JOB_FAILURES, JOBS, STEP_RETRIES, STEP_SECONDS, STEPS
from pipelines.domain.errors import VersionSuperseded
from pipelines.domain.jobs import JobError, JobStatus, Progress
from pipelines.ports import Catalog, Clock
from pipelines.trace_ports import Facts, Tracer
from workflows.steps import StepRun

log = structlog.get_logger()

INTERRUPTED = JobError("interrupted", "The server stopped in the middle of this work each time it was tried. Retry it.")


class CatalogJobRecord:
    def __init__(self, catalog: Catalog, clock: Clock, tracer: Tracer) -> None:
        self._catalog = catalog
        self._clock = clock
        self._tracer = tracer

    @contextmanager
    def during(self, step: StepRun) -> Iterator[None]:
        facts: Facts = {
            "cairn.run_id": step.run_id,
            "cairn.job_id": step.job_id,
            "cairn.attempt": step.attempt,
            "cairn.tenant": step.tenant_id,
        }
        with (
            bound_contextvars(run_id=step.run_id, tenant=step.tenant_id),
            self._tracer.span(f"step {step.step_id}", facts, parent=step.traceparent),
        ):
            yield

    async def step_started(self, job_id: str, step_id: str) -> None:
        def write() -> None:
            with self._catalog.begin() as uow:
                uow.jobs.start_step(job_id, step_id, self._clock())

        await asyncio.to_thread(write)

    async def step_succeeded(self, job_id: str, step_id: str, output: Mapping[str, int | str]) -> None:
        def write() -> None:
            with self._catalog.begin() as uow:
                uow.jobs.end_step(job_id, step_id, self._clock(), output)

        await asyncio.to_thread(write)
        STEPS.labels(_kind(step_id), "succeeded").inc()
        STEP_SECONDS.labels(_kind(step_id)).observe(int(output.get("ms", 0)) / 1000)
        log.info("job.step_succeeded", job_id=job_id, step=step_id, **output)

    async def step_failed(self, job_id: str, step_id: str, error: JobError, retry_at: datetime | None) -> None:
        def write() -> None:
            with self._catalog.begin() as uow:
                uow.jobs.fail_step(job_id, step_id, self._clock(), error, retry_at)

        await asyncio.to_thread(write)
        STEPS.labels(_kind(step_id), "retrying" if retry_at else "failed").inc()
        if retry_at:
            STEP_RETRIES.labels(_kind(step_id)).inc()
        log.warning("job.step_failed", job_id=job_id, step=step_id, code=error.code, retry_at=retry_at)

    async def progress(self, job_id: str, progress: Progress) -> None:
        def write() -> None:
            with self._catalog.begin() as uow:
                uow.jobs.progress(job_id, self._clock(), progress)

        await asyncio.to_thread(write)

    async def succeeded(self, job_id: str) -> None:
        await asyncio.to_thread(self._finish, job_id, JobStatus.SUCCEEDED, None)

    async def cancelled(self, job_id: str) -> None:
        await asyncio.to_thread(self._finish, job_id, JobStatus.CANCELLED, None)

    async def failed(self, job_id: str) -> JobError:
        def write() -> JobError:
            with self._catalog.read() as uow:
                job = uow.jobs.find(job_id)
            error = job.error or INTERRUPTED if job else INTERRUPTED
            given_up = error.code == VersionSuperseded.code
            self._finish(job_id, JobStatus.CANCELLED if given_up else JobStatus.FAILED, error)
            return error

        return await asyncio.to_thread(write)

    def _finish(self, job_id: str, status: JobStatus, error: JobError | None) -> None:
        with self._catalog.begin() as uow:
            uow.jobs.finish(job_id, status, self._clock(), error)
        JOBS.labels(status.value).inc()
        if status is JobStatus.FAILED and error is not None:
            JOB_FAILURES.labels(error.code).inc()
        log.info("job.finished", job_id=job_id, status=status.value, code=error.code if error else None)


def _kind(step_id: str) -> str:
    """Batches of one kind are one step to a metric."""
    return step_id.rstrip("0123456789").rstrip("-")
