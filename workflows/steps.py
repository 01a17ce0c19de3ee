"""A durable step whose course people can follow: what the engine memoises, the job shows."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import inngest

from pipelines.domain.errors import CairnError
from pipelines.domain.jobs import JobError

StepOutput = Mapping[str, int | str]
"""Small facts and claim-checks, never text or vectors: an operator reads them as the step's log."""

INTERNAL = JobError("internal", "Something went wrong on our side; the server's log has the details.")


class JobRecord(Protocol):
    """Where a job's course is kept. Every method may be called twice with the same effect as once."""

    async def step_started(self, job_id: str, step_id: str) -> None: ...
    async def step_succeeded(self, job_id: str, step_id: str, output: StepOutput) -> None: ...
    async def step_failed(self, job_id: str, step_id: str, error: JobError, *, retriable: bool) -> None: ...
    async def succeeded(self, job_id: str) -> None: ...
    async def cancelled(self, job_id: str) -> None: ...
    async def failed(self, job_id: str) -> JobError: ...

    """Ends the job with the error of its last failed step, which is returned; superseded work ends as cancelled."""


@dataclass(frozen=True, slots=True)
class RecordedSteps:
    """`run` is `step.run` with the job's record kept around it, and our errors told apart for the engine."""

    context: inngest.Context
    record: JobRecord
    job_id: str

    async def run(self, step_id: str, work: Callable[[], Awaitable[StepOutput]]) -> StepOutput:
        async def recorded() -> StepOutput:
            await self.record.step_started(self.job_id, step_id)
            started = time.monotonic()
            try:
                facts = await work()
            except CairnError as error:
                problem = JobError(error.code, error.detail)
                retriable = error.retriable and (error.attempts is None or self.context.attempt + 1 < error.attempts)
                await self.record.step_failed(self.job_id, step_id, problem, retriable=retriable)
                if retriable:
                    raise
                raise inngest.NonRetriableError(error.detail) from error
            except Exception:
                await self.record.step_failed(self.job_id, step_id, INTERNAL, retriable=True)
                raise
            output = {**facts, "ms": round((time.monotonic() - started) * 1000)}
            await self.record.step_succeeded(self.job_id, step_id, output)
            return output

        return await self.context.step.run(step_id, recorded)
