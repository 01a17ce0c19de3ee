"""Places that are watched, and what was made of their files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_
from sqlmodel import Session, col, delete, select, update

from app.adapters.sql.models import DocumentRow, JobRow, ReaderRow, SourceFileRow, SourceRow
from pipelines.domain.jobs import JobError, JobKind, JobStatus
from pipelines.domain.sources import Pass, Shared, Source, SourceFile, kind_of

_NEVER = -1  # the time of no file


@dataclass(frozen=True, slots=True)
class SqlSources:
    """Sources of pipelines/catalog_ports.py."""

    session: Session

    def add(self, source: Source) -> None:
        self.session.add(
            SourceRow(
                id=source.id,
                tenant_id=source.tenant_id,
                collection_id=source.collection_id,
                kind=kind_of(source.path).value,
                path=source.path,
                readers=None if source.readers is None else sorted(source.readers),
                user_id=source.user_id,
                interval_s=source.interval_s,
                created_at=source.created_at,
                next_at=source.next_at,
                removing=source.removing,
                trusted_run=source.trusted_run,
                last_counts={},
                memory="",
            )
        )
        self.session.flush()

    def of_collection(self, tenant_id: str, collection_id: str) -> list[Source]:
        query = select(SourceRow).where(SourceRow.tenant_id == tenant_id, SourceRow.collection_id == collection_id)
        return [_source(row) for row in self.session.exec(query.order_by(col(SourceRow.created_at), SourceRow.id))]

    def get(self, source_id: str) -> Source | None:
        row = self.session.get(SourceRow, source_id)
        return _source(row) if row else None

    def due(self, at: datetime, limit: int) -> list[Source]:
        query = select(SourceRow).where(SourceRow.next_at <= at).order_by(col(SourceRow.next_at), SourceRow.id)
        return [_source(row) for row in self.session.exec(query.limit(limit))]

    def schedule(self, source_id: str, next_at: datetime) -> None:
        self.session.get_one(SourceRow, source_id).next_at = next_at

    def trust(self, source_id: str, run: int) -> None:
        self.session.get_one(SourceRow, source_id).trusted_run = run

    def retry_problems(self, source_id: str) -> None:
        failed = _failed(source_id).with_only_columns(col(SourceFileRow.id))
        again = update(SourceFileRow).where(
            col(SourceFileRow.source_id) == source_id,
            or_(col(SourceFileRow.problem).is_not(None), col(SourceFileRow.id).in_(failed)),
        )
        self.session.exec(again.values(mtime_ns=_NEVER, etag=""))
        self.session.get_one(SourceRow, source_id).memory = ""

    def end_with_documents(self, source_id: str) -> None:
        self.session.get_one(SourceRow, source_id).removing = True

    def passed(self, source_id: str, at: datetime, counts: Mapping[str, int], memory: str | None = None) -> None:
        row = self.session.get(SourceRow, source_id)
        if row is not None:
            row.last_at, row.last_counts = at, dict(counts)
            row.memory = row.memory if memory is None else memory

    def memory(self, source_id: str) -> str:
        row = self.session.get(SourceRow, source_id)
        return row.memory if row else ""

    def remove(self, source_id: str) -> None:
        self.session.exec(delete(SourceFileRow).where(col(SourceFileRow.source_id) == source_id))
        self.session.exec(delete(SourceRow).where(col(SourceRow.id) == source_id))

    def files(self, source_id: str) -> list[SourceFile]:
        return [
            _file(row) for row in self.session.exec(select(SourceFileRow).where(SourceFileRow.source_id == source_id))
        ]

    def shared(self, source_id: str) -> dict[str, Shared]:
        live = and_(col(DocumentRow.id) == SourceFileRow.document_id, col(DocumentRow.deleted_at).is_(None))
        current = col(DocumentRow.active_version_id) == DocumentRow.latest_version_id
        query = (
            select(SourceFileRow.id, DocumentRow.id, current, ReaderRow.subject)
            .join(DocumentRow, live)
            .outerjoin(ReaderRow, col(ReaderRow.document_id) == DocumentRow.id)
            .where(SourceFileRow.source_id == source_id)
        )
        found: dict[str, Shared] = {}
        for id_, document_id, shows, subject in self.session.exec(query):
            before = found.get(id_, Shared(document_id, frozenset(), bool(shows)))
            found[id_] = before._replace(readers=before.readers | ({subject} if subject else frozenset()))
        return found

    def file(self, file_id: str) -> SourceFile | None:
        row = self.session.get(SourceFileRow, file_id)
        return _file(row) if row else None

    def put_file(self, file: SourceFile) -> None:
        self.session.merge(
            SourceFileRow(
                id=file.id,
                source_id=file.source_id,
                path=file.path,
                size_bytes=file.size_bytes,
                mtime_ns=file.mtime_ns,
                sha256=file.sha256,
                document_id=file.document_id,
                problem=asdict(file.problem) if file.problem else None,
                etag=file.etag,
            )
        )

    def remove_file(self, file_id: str) -> None:
        self.session.exec(delete(SourceFileRow).where(col(SourceFileRow.id) == file_id))

    def problems(self, source_id: str, limit: int) -> list[SourceFile]:
        query = select(SourceFileRow).where(
            SourceFileRow.source_id == source_id, col(SourceFileRow.problem).is_not(None)
        )
        found = [_file(row) for row in self.session.exec(query.order_by(SourceFileRow.path).limit(limit))]
        failed = self.session.exec(_failed(source_id).order_by(SourceFileRow.path).limit(limit))
        found += [replace(_file(row), problem=JobError(**error)) for row, error in failed if error]
        return sorted(found, key=lambda file: file.path)[:limit]


def _failed(source_id: str) -> Any:
    """Files that came in and could not be prepared, with the errors of their jobs."""
    newest = and_(col(JobRow.version_id) == DocumentRow.latest_version_id, col(JobRow.kind) == JobKind.INGEST.value)
    return (
        select(SourceFileRow, JobRow.error)
        .join(DocumentRow, col(DocumentRow.id) == SourceFileRow.document_id)
        .join(JobRow, newest)
        .where(
            SourceFileRow.source_id == source_id,
            col(SourceFileRow.problem).is_(None),
            col(DocumentRow.deleted_at).is_(None),
            JobRow.status == JobStatus.FAILED.value,
        )
    )


def _source(row: SourceRow) -> Source:
    return Source(
        id=row.id,
        tenant_id=row.tenant_id,
        collection_id=row.collection_id,
        path=row.path,
        readers=None if row.readers is None else frozenset(row.readers),
        user_id=row.user_id,
        interval_s=row.interval_s,
        created_at=row.created_at,
        next_at=row.next_at,
        removing=row.removing,
        trusted_run=row.trusted_run,
        last=Pass(row.last_at, row.last_counts) if row.last_at else None,
    )


def _file(row: SourceFileRow) -> SourceFile:
    return SourceFile(
        id=row.id,
        source_id=row.source_id,
        path=row.path,
        size_bytes=row.size_bytes,
        mtime_ns=row.mtime_ns,
        sha256=row.sha256,
        document_id=row.document_id,
        problem=JobError(**row.problem) if row.problem else None,
        etag=row.etag,
    )
