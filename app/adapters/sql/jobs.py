"""Jobs, their steps, and their history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_
from sqlmodel import Session, col, delete, func, select, true

from app.adapters.sql.documents import older_than
from app.adapters.sql.models import DocumentRow, JobEventRow, JobRow, JobStepRow, ReaderRow
from pipelines.domain.access import Permission, Principal
from pipelines.domain.jobs import Job, JobError, JobEvent, JobKind, JobStatus, JobStep, Progress, StepStatus
from pipelines.ports import JobFilter


@dataclass(frozen=True, slots=True)
class SqlJobs:
    session: Session

    def add(self, job: Job) -> None:
        self.session.add(
            JobRow(
                id=job.id,
                tenant_id=job.tenant_id,
                kind=job.kind.value,
                status=job.status.value,
                document_id=job.document_id,
                version_id=job.version_id,
                collection_id=job.collection_id,
                generation_id=job.generation_id,
                source_id=job.source_id,
                bundle_id=job.bundle_id,
                evaluation_id=job.evaluation_id,
                user_id=job.user_id,
                run=job.run,
                progress=None,
                error=asdict(job.error) if job.error else None,
                created_at=job.created_at,
                updated_at=job.updated_at,
            )
        )
        self.session.flush()
        self._say(job.id, "job.queued", {"run": job.run}, job.created_at)

    def start_again(self, job_id: str, at: datetime, *, forget: bool = False) -> Job:
        row = self.session.get_one(JobRow, job_id)
        row.status, row.run, row.error, row.progress = JobStatus.QUEUED.value, row.run + 1, None, None
        row.updated_at = at
        self.session.exec(delete(JobStepRow).where(col(JobStepRow.job_id) == job_id))
        sequence = self._say(job_id, "job.queued", {"run": row.run}, at)
        if forget:
            earlier = delete(JobEventRow).where(col(JobEventRow.job_id) == job_id, col(JobEventRow.sequence) < sequence)
            self.session.exec(earlier)
        return self._job(row)

    def get(self, principal: Principal, job_id: str) -> Job | None:
        row = self.session.exec(select(JobRow).where(JobRow.id == job_id, _readable(principal))).first()
        return self._job(row) if row else None

    def page(self, principal: Principal, where: JobFilter, after: str | None, limit: int) -> list[Job]:
        query = select(JobRow).where(_readable(principal))
        if where.status is not None:
            query = query.where(JobRow.status == where.status.value)
        if where.document_id is not None:
            query = query.where(JobRow.document_id == where.document_id)
        if after is not None:
            query = query.where(older_than(self.session, JobRow, _readable(principal), after))
        newest = query.order_by(col(JobRow.created_at).desc(), col(JobRow.id).desc()).limit(limit)
        return [self._job(row) for row in self.session.exec(newest).all()]

    def find(self, job_id: str) -> Job | None:
        row = self.session.get(JobRow, job_id)
        return self._job(row) if row else None

    def start_step(self, job_id: str, step_id: str, at: datetime) -> None:
        job = self._running(job_id, at)
        if job is None:
            return
        step = self.session.get(JobStepRow, (job_id, step_id))
        if step is None:
            place = select(func.count()).where(JobStepRow.job_id == job_id)
            step = JobStepRow(
                job_id=job_id,
                step_id=step_id,
                position=self.session.exec(place).one(),
                status=StepStatus.RUNNING.value,
                attempts=0,
                started_at=at,
            )
            self.session.add(step)
        step.status, step.attempts = StepStatus.RUNNING.value, step.attempts + 1
        step.ended_at = step.retry_at = step.output = None
        self._say(job_id, "step.started", {"step": step_id, "attempt": step.attempts}, at)

    def end_step(self, job_id: str, step_id: str, at: datetime, output: Mapping[str, int | str]) -> None:
        step = self.session.get(JobStepRow, (job_id, step_id))
        job = self._running(job_id, at) if step else None  # a step of an earlier run changes nothing
        if step is None or job is None:
            return
        step.status, step.ended_at, step.output = StepStatus.SUCCEEDED.value, at, dict(output)
        job.error = None
        self._say(job_id, "step.completed", {"step": step_id, "output": dict(output)}, at)

    def fail_step(self, job_id: str, step_id: str, at: datetime, error: JobError, retry_at: datetime | None) -> None:
        step = self.session.get(JobStepRow, (job_id, step_id))
        job = self._running(job_id, at) if step else None  # a step of an earlier run changes nothing
        if step is None or job is None:
            return
        step.status, step.ended_at = (StepStatus.RETRYING if retry_at else StepStatus.FAILED).value, at
        step.retry_at = retry_at
        job.error = asdict(error)
        facts = {"step": step_id, "attempt": step.attempts, **asdict(error)}
        if retry_at is None:
            self._say(job_id, "step.failed", facts, at)
        else:
            self._say(job_id, "step.retrying", {**facts, "retry_at": retry_at.isoformat()}, at)

    def progress(self, job_id: str, at: datetime, progress: Progress) -> None:
        job = self._running(job_id, at)
        if job is not None:
            began = _began(job.progress, progress, at)
            eta_s = _eta_s(began, progress, at)
            job.progress = {**asdict(progress), "eta_s": eta_s, "began": began}
            self._say(job_id, "step.progress", {**asdict(progress), "eta_s": eta_s}, at)

    def finish(self, job_id: str, status: JobStatus, at: datetime, error: JobError | None = None) -> None:
        job = self.session.get(JobRow, job_id)
        if job is None or JobStatus(job.status).terminal:
            return
        job.status, job.updated_at, job.error = status.value, at, asdict(error) if error else None
        if status is not JobStatus.SUCCEEDED:
            unfinished = (StepStatus.RUNNING.value, StepStatus.RETRYING.value)
            for step in self.session.exec(
                select(JobStepRow).where(JobStepRow.job_id == job_id, col(JobStepRow.status).in_(unfinished))
            ):
                step.status, step.ended_at, step.retry_at = StepStatus.FAILED.value, at, None
        self._say(job_id, f"job.{status.value}", asdict(error) if error else {}, at)

    def unfinished(self) -> dict[JobStatus, tuple[int, datetime]]:
        open_ = (JobStatus.QUEUED.value, JobStatus.RUNNING.value)
        query = select(JobRow.status, func.count(), func.min(JobRow.created_at)).group_by(JobRow.status)
        found = self.session.exec(query.where(col(JobRow.status).in_(open_)))
        return {JobStatus(status): (number, since) for status, number, since in found}

    def events(self, job_id: str, after: int, limit: int) -> list[JobEvent]:
        query = select(JobEventRow).where(JobEventRow.job_id == job_id, JobEventRow.sequence > after)
        rows = self.session.exec(query.order_by(col(JobEventRow.sequence)).limit(limit))
        return [JobEvent(row.job_id, row.sequence, row.name, row.data, row.at) for row in rows]

    # --- how ---

    def _running(self, job_id: str, at: datetime) -> JobRow | None:
        """The job, running from now on; None when it ended: what ended stays as it is."""
        row = self.session.get(JobRow, job_id)
        if row is None or JobStatus(row.status).terminal:
            return None
        row.status, row.updated_at = JobStatus.RUNNING.value, at
        return row

    def _say(self, job_id: str, name: str, data: Mapping[str, object], at: datetime) -> int:
        """The event's number."""
        self.session.flush()
        last = select(func.max(JobEventRow.sequence)).where(JobEventRow.job_id == job_id)
        sequence = (self.session.exec(last).one() or 0) + 1
        self.session.add(JobEventRow(job_id=job_id, sequence=sequence, name=name, data=dict(data), at=at))
        self.session.flush()
        return sequence

    def _job(self, row: JobRow) -> Job:
        steps = select(JobStepRow).where(JobStepRow.job_id == row.id).order_by(col(JobStepRow.position))
        return Job(
            id=row.id,
            tenant_id=row.tenant_id,
            kind=JobKind(row.kind),
            status=JobStatus(row.status),
            document_id=row.document_id,
            version_id=row.version_id,
            run=row.run,
            steps=tuple(_step(step) for step in self.session.exec(steps)),
            progress=_progress(row.progress) if row.progress else None,
            error=JobError(**row.error) if row.error else None,
            created_at=row.created_at,
            updated_at=row.updated_at,
            collection_id=row.collection_id,
            generation_id=row.generation_id,
            source_id=row.source_id,
            bundle_id=row.bundle_id,
            evaluation_id=row.evaluation_id,
            user_id=row.user_id,
        )


def _readable(principal: Principal) -> ColumnElement[bool]:
    """Jobs of documents that the principal may read; of a deleted document, only the job that deletes it.

    Those about no document count all there are: they are for whose they are, and for who manages collections.
    """
    named = select(ReaderRow.document_id).where(
        ReaderRow.document_id == JobRow.document_id, col(ReaderRow.subject).in_(principal.subjects)
    )
    own: ColumnElement[bool] = col(JobRow.user_id) == principal.user_id
    if principal.may(Permission.MANAGE_TENANT):
        own = true()
    elif principal.may(Permission.MANAGE_COLLECTIONS):
        own = or_(col(JobRow.user_id).is_(None), own)
    live = select(DocumentRow.id).where(DocumentRow.id == JobRow.document_id, col(DocumentRow.deleted_at).is_(None))
    return and_(
        col(JobRow.tenant_id) == principal.tenant_id,
        or_(
            and_(named.exists(), or_(live.exists(), col(JobRow.kind) == JobKind.DELETE.value)),
            and_(col(JobRow.document_id).is_(None), own),
        ),
    )


def _step(row: JobStepRow) -> JobStep:
    status = StepStatus(row.status)
    return JobStep(row.step_id, status, row.attempts, row.started_at, row.ended_at, row.retry_at, row.output)


def _progress(stored: Mapping[str, Any]) -> Progress:
    return Progress(stored["done"], stored["total"], stored["unit"], stored.get("eta_s"))


def _began(stored: Mapping[str, Any] | None, now: Progress, at: datetime) -> dict[str, Any]:
    """Where the stage stood when it was first heard of: what was done before says nothing about its pace."""
    goes_on = stored and (stored["unit"], stored["total"]) == (now.unit, now.total) and stored["done"] <= now.done
    return dict(stored["began"]) if goes_on and stored else {"done": now.done, "at": at.isoformat()}


def _eta_s(began: Mapping[str, Any], now: Progress, at: datetime) -> float | None:
    done = now.done - began["done"]
    spent_s = (at - datetime.fromisoformat(began["at"])).total_seconds()
    return round(spent_s / done * (now.total - now.done), 1) if done > 0 else None
