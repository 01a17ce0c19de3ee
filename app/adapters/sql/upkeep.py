"""What mending and cleaning must know of the catalog, across tenants."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_
from sqlmodel import Session, case, col, delete, func, select, true

from app.adapters.sql.models import (
    ChunkRow,
    CollectionRow,
    DocumentRow,
    ErasureRow,
    GenerationRow,
    GenerationVersionRow,
    IdempotencyRow,
    JobEventRow,
    JobRow,
    VersionRow,
)
from pipelines.catalog_ports import Contents, Expired, Standing
from pipelines.domain.jobs import JobKind, JobStatus

_TERMINAL = [status.value for status in JobStatus if status.terminal]
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class SqlUpkeep:
    """Upkeep of pipelines/ports.py."""

    session: Session

    def contents(self) -> Contents:
        live = col(DocumentRow.deleted_at).is_(None)
        ready = func.coalesce(func.sum(case((col(DocumentRow.active_version_id).is_not(None), 1), else_=0)), 0)
        documents, answering = self.session.exec(select(func.count(), ready).where(live)).one()
        stored = select(func.count(), func.coalesce(func.sum(VersionRow.size_bytes), 0)).select_from(VersionRow)
        versions, original_bytes = self.session.exec(
            stored.join(DocumentRow, col(DocumentRow.id) == VersionRow.document_id).where(live)
        ).one()
        active = col(CollectionRow.id).is_not(None)
        builds = (
            select(
                active,
                func.count(col(GenerationRow.id).distinct()),
                func.coalesce(func.sum(GenerationVersionRow.chunks), 0),
            )
            .select_from(GenerationRow)
            .outerjoin(CollectionRow, col(CollectionRow.active_generation_id) == GenerationRow.id)
            .outerjoin(GenerationVersionRow, col(GenerationVersionRow.generation_id) == GenerationRow.id)
            .group_by(active)
        )
        found = {bool(answers): (count, chunks) for answers, count, chunks in self.session.exec(builds)}
        (generations, chunks), (others, their_chunks) = found.get(True, (0, 0)), found.get(False, (0, 0))
        return Contents(
            *(int(answering), int(documents - answering), int(versions), int(original_bytes)),
            *(int(generations), int(others), int(chunks or 0), int(their_chunks or 0)),
        )

    def collection_ids(self, tenant_id: str | None, after: str, limit: int) -> list[str]:
        query = select(CollectionRow.id).where(CollectionRow.id > after, _of(CollectionRow.tenant_id, tenant_id))
        return list(self.session.exec(query.order_by(CollectionRow.id).limit(limit)))

    def standings(self, version_ids: Collection[str]) -> dict[str, Standing]:
        going_on = select(JobRow.id).where(
            col(JobRow.status).not_in(_TERMINAL),
            or_(
                col(JobRow.version_id) == VersionRow.id,
                and_(col(JobRow.document_id) == VersionRow.document_id, col(JobRow.version_id).is_(None)),
            ),
        )
        query = select(
            VersionRow.id,
            col(DocumentRow.deleted_at).is_(None),
            and_(
                col(DocumentRow.deleted_at).is_(None),
                func.coalesce(col(DocumentRow.active_version_id) == VersionRow.id, False),
            ),
            going_on.exists(),
        ).join(DocumentRow, col(DocumentRow.id) == VersionRow.document_id)
        return {
            version_id: Standing(bool(kept), bool(answers), bool(busy))
            for some in _parts(version_ids)
            for version_id, kept, answers, busy in self.session.exec(query.where(col(VersionRow.id).in_(some)))
        }

    def versions(self, after: str, limit: int) -> list[str]:
        query = (
            select(VersionRow.id)
            .join(DocumentRow, col(DocumentRow.id) == VersionRow.document_id)
            .where(VersionRow.id > after, col(DocumentRow.deleted_at).is_(None))
        )
        return list(self.session.exec(query.order_by(VersionRow.id).limit(limit)))

    def answering(self, collection_id: str, after: str, limit: int) -> list[str]:
        query = select(DocumentRow.active_version_id).where(
            DocumentRow.collection_id == collection_id,
            col(DocumentRow.deleted_at).is_(None),
            col(DocumentRow.active_version_id) > after,
        )
        found = self.session.exec(query.order_by(col(DocumentRow.active_version_id)).limit(limit))
        return [version_id for version_id in found if version_id]

    def chunked(self, collection_id: str) -> set[str]:
        query = (
            select(ChunkRow.version_id)
            .join(VersionRow, col(VersionRow.id) == ChunkRow.version_id)
            .join(DocumentRow, col(DocumentRow.id) == VersionRow.document_id)
            .where(DocumentRow.collection_id == collection_id)
            .distinct()
        )
        return set(self.session.exec(query))

    def undeleted(self, tenant_id: str | None) -> list[str]:
        unproved = select(ErasureRow.id).where(
            ErasureRow.document_id == DocumentRow.id, col(ErasureRow.statement).is_(None)
        )
        query = (
            select(JobRow.id)
            .join(DocumentRow, col(DocumentRow.id) == JobRow.document_id)
            .where(
                JobRow.kind == JobKind.DELETE.value,
                col(JobRow.status).in_(_TERMINAL),
                or_(col(DocumentRow.latest_version_id) != "", unproved.exists()),
                _of(JobRow.tenant_id, tenant_id),
            )
        )
        return list(self.session.exec(query))

    def silent(self, tenant_id: str | None, since: datetime) -> list[str]:
        query = select(JobRow.id).where(
            col(JobRow.status).not_in(_TERMINAL), JobRow.updated_at < since, _of(JobRow.tenant_id, tenant_id)
        )
        return list(self.session.exec(query.order_by(col(JobRow.created_at))))

    def unstarted(self, since: datetime, before: datetime, limit: int) -> list[str]:
        queued = col(JobRow.status) == JobStatus.QUEUED.value
        query = select(JobRow.id).where(queued, JobRow.updated_at >= since, JobRow.updated_at < before)
        return list(self.session.exec(query.order_by(col(JobRow.updated_at), col(JobRow.id)).limit(limit)))

    def last_heard(self) -> datetime | None:
        return self.session.exec(select(func.max(JobRow.updated_at))).one()

    def forget_answers(self, before: datetime) -> int:
        return self.session.exec(delete(IdempotencyRow).where(col(IdempotencyRow.created_at) < before)).rowcount

    def forget_history(self, before: datetime) -> int:
        ended = select(JobRow.id).where(col(JobRow.status).in_(_TERMINAL), JobRow.updated_at < before)
        return self.session.exec(delete(JobEventRow).where(col(JobEventRow.job_id).in_(ended))).rowcount

    def expired(self, tenant_id: str | None, at: datetime, limit: int) -> list[Expired]:
        keeping = select(CollectionRow.id, CollectionRow.retention_days).where(
            col(CollectionRow.retention_days).is_not(None), _of(CollectionRow.tenant_id, tenant_id)
        )
        found: list[Expired] = []
        for collection_id, days in self.session.exec(keeping.order_by(CollectionRow.id)):
            query = (
                select(DocumentRow.tenant_id, DocumentRow.id)
                .join(VersionRow, col(VersionRow.id) == DocumentRow.latest_version_id)
                .where(
                    DocumentRow.collection_id == collection_id,
                    col(DocumentRow.deleted_at).is_(None),
                    VersionRow.created_at < at - timedelta(days=days or 0),
                )
                .order_by(col(VersionRow.created_at), DocumentRow.id)
            )
            found += (Expired(*row) for row in self.session.exec(query.limit(limit - len(found))))
            if len(found) == limit:
                break
        return found


def _of(column: str, tenant_id: str | None) -> ColumnElement[bool]:
    return true() if tenant_id is None else col(column) == tenant_id


def _parts(ids: Collection[str]) -> Iterator[list[str]]:
    """As many at once as a statement may name."""
    every = list(ids)
    yield from (every[first : first + _AT_ONCE] for first in range(0, len(every), _AT_ONCE))
