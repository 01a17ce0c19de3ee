"""A durable step whose course people can follow: what the engine memoises, the job shows."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

import inngest

from pipelines.domain.errors import CairnError
from pipelines.domain.jobs import JobError
from workflows.events import FUNCTION_CANCELLED

log = logging.getLogger(__name__)

StepOutput = Mapping[str, int | str]
"""Small facts and claim-checks, never text or vectors: an operator reads them as the step's log."""

INTERNAL = JobError("internal", "Something went wrong on our side; the server's log has the details.")


_WAITS = (1, 3, 6, 12, 30, 60, 120, 240)  # before each next attempt, in units of the first wait


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a step is tried again, and after how long. We say when, so that a job can say when it goes on."""

    times: int = 8
    first_wait_s: float = 10

    def wait(self, attempt: int) -> timedelta:
        """After this attempt (from 0) failed."""
        return timedelta(seconds=self.first_wait_s * _WAITS[min(attempt, len(_WAITS) - 1)])


@dataclass(frozen=True, slots=True)
class StepRun:
    """One attempt of a step. `traceparent`: of what sent the event that the run was started by, if it was traced."""

    job_id: str
    step_id: str
    run_id: str
    attempt: int  # from 0
    tenant_id: str = ""
    traceparent: str | None = None

    @classmethod
    def of(cls, context: inngest.Context, job_id: str, step_id: str) -> StepRun:
        data = context.event.data
        tenant, traceparent = data.get("tenant_id"), data.get("traceparent")
        return cls(
            job_id,
            step_id,
            context.run_id,
            context.attempt,
            tenant if isinstance(tenant, str) else "",
            traceparent if isinstance(traceparent, str) else None,
        )


class JobRecord(Protocol):
    """Where a job's course is kept. Every method may be called twice with the same effect as once."""

    def during(
        self, step: StepRun
    ) -> AbstractContextManager[object]: ...  # the work of a step: logs and traces name it

    async def step_started(self, job_id: str, step_id: str) -> None: ...
    async def step_succeeded(self, job_id: str, step_id: str, output: StepOutput) -> None: ...
    async def step_failed(self, job_id: str, step_id: str, error: JobError, retry_at: datetime | None) -> None: ...
    async def succeeded(self, job_id: str) -> None: ...
    async def cancelled(self, job_id: str) -> None: ...
    async def failed(self, job_id: str) -> JobError: ...

    """Ends the job with the error of its last failed step, which is returned; superseded work ends as cancelled."""


async def close_unsuccessful(ctx: inngest.Context, record: JobRecord, job_id: str) -> str | None:
    """Ends the job of a run that failed, with the code of its error, or that was cancelled (None)."""

    async def close_job() -> str:
        return (await record.failed(job_id)).code

    if ctx.event.name == FUNCTION_CANCELLED:
        await ctx.step.run("close-cancelled-job", partial(record.cancelled, job_id))
        return None
    return await ctx.step.run("close-failed-job", close_job)


@dataclass(frozen=True, slots=True)
class RecordedSteps:
    """`run` is `step.run` with the job's record kept around it, and our errors told apart for the engine."""

    context: inngest.Context
    record: JobRecord
    job_id: str
    retries: Retries

    async def run(self, step_id: str, work: Callable[[], Awaitable[StepOutput]]) -> StepOutput:
        async def recorded() -> StepOutput:
            with self.record.during(StepRun.of(self.context, self.job_id, step_id)):
                await self.record.step_started(self.job_id, step_id)
                started = time.monotonic()
                try:
                    facts = await work()
                except Exception as error:
                    raise await self._failed(step_id, error) from error
                output = {**facts, "ms": round((time.monotonic() - started) * 1000)}
                await self.record.step_succeeded(self.job_id, step_id, output)
                return output

        return await self.context.step.run(step_id, recorded)

    async def close(self) -> None:
        """The job's last step: it succeeded."""

        async def closed() -> None:
            with self.record.during(StepRun.of(self.context, self.job_id, "close-job")):
                await self.record.succeeded(self.job_id)

        await self.context.step.run("close-job", closed)

    async def _failed(self, step_id: str, error: Exception) -> Exception:
        """Records it; what tells the engine to try again at the time that the job shows, or to give up."""
        problem, attempts = INTERNAL, self.retries.times + 1
        if isinstance(error, CairnError):
            problem = JobError(error.code, error.detail)
            attempts = min(attempts, error.attempts or attempts) if error.retriable else 1
        else:
            log.error("step.crashed", exc_info=error, extra={"step": step_id, "job_id": self.job_id})
        if self.context.attempt + 1 < attempts:
            retry_at = datetime.now(UTC) + self.retries.wait(self.context.attempt)
            await self.record.step_failed(self.job_id, step_id, problem, retry_at)
            return inngest.RetryAfterError(problem.detail, retry_at)
        await self.record.step_failed(self.job_id, step_id, problem, None)
        return inngest.NonRetriableError(problem.detail)
