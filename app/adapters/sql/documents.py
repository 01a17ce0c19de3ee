"""Documents, their versions, and who may read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, case, cast, or_
from sqlmodel import Session, col, delete, select, update

from app.adapters.sql.collections import SqlCollections
from app.adapters.sql.models import (
    ChunkRow,
    CollectionRow,
    DocumentRow,
    GenerationVersionRow,
    IdempotencyRow,
    JobEventRow,
    JobRow,
    JobStepRow,
    OutboxRow,
    ReaderRow,
    VersionRow,
)
from pipelines.domain.access import Principal
from pipelines.domain.documents import Document, DocumentStatus, Version
from pipelines.domain.errors import VersionSuperseded
from pipelines.domain.jobs import JobKind, JobStatus
from pipelines.ports import DocumentFilter, IngestTarget

ERASED = "erased"  # in a session's info: its commit left deleted content in the database's log
_ENDED_BADLY = (JobStatus.FAILED, JobStatus.CANCELLED)


def readable(principal: Principal) -> ColumnElement[bool]:
    """Live documents of the principal's tenant whose readers name one of its subjects."""
    named = select(ReaderRow.document_id).where(
        ReaderRow.document_id == DocumentRow.id, col(ReaderRow.subject).in_(principal.subjects)
    )
    return and_(
        col(DocumentRow.tenant_id) == principal.tenant_id, col(DocumentRow.deleted_at).is_(None), named.exists()
    )


_STATUS = case(
    (col(DocumentRow.active_version_id) == DocumentRow.latest_version_id, DocumentStatus.READY.value),
    (col(JobRow.status).in_(_ENDED_BADLY), DocumentStatus.FAILED.value),
    (col(DocumentRow.active_version_id).is_not(None), DocumentStatus.UPDATING.value),
    else_=DocumentStatus.PROCESSING.value,
)


@dataclass(frozen=True, slots=True)
class SqlDocuments:
    session: Session

    # --- for people ---

    def get(self, principal: Principal, document_id: str) -> Document | None:
        return self._first(readable(principal), col(DocumentRow.id) == document_id)

    def page(self, principal: Principal, where: DocumentFilter, after: str | None, limit: int) -> list[Document]:
        conditions = [readable(principal)]
        if where.collection_id is not None:
            conditions.append(col(DocumentRow.collection_id) == where.collection_id)
        if where.status is not None:
            conditions.append(_STATUS.in_([where.status.value]))
        if after is not None:
            conditions.append(older_than(self.session, DocumentRow, principal, after))
        return self._select(*conditions, limit=limit)

    def with_content(self, principal: Principal, collection_id: str, sha256: str) -> Document | None:
        return self._first(
            readable(principal), col(DocumentRow.collection_id) == collection_id, col(VersionRow.sha256) == sha256
        )

    def add(self, document: Document) -> None:
        self.session.add(
            DocumentRow(
                id=document.id,
                tenant_id=document.tenant_id,
                collection_id=document.collection_id,
                title=document.title,
                details=dict(document.metadata),
                latest_version_id=document.latest.id,
                active_version_id=document.active_version_id,
                created_at=document.created_at,
                updated_at=document.updated_at,
                deleted_at=None,
            )
        )
        self.session.flush()
        for subject in document.readers:
            self.session.add(ReaderRow(document_id=document.id, subject=subject))
        self._add_version(document.latest)

    def add_version(self, version: Version) -> None:
        if self.session.get(VersionRow, version.id) is None:
            self._add_version(version)
        row = self.session.get_one(DocumentRow, version.document_id)
        row.latest_version_id, row.updated_at = version.id, version.created_at
        self.session.flush()

    def tombstone(self, document_id: str, at: datetime) -> None:
        row = self.session.get_one(DocumentRow, document_id)
        if row.deleted_at is None:
            row.deleted_at = row.updated_at = at
            self._grow_revision(row.collection_id)

    # --- for workflows ---

    def target(self, version_id: str) -> IngestTarget | None:
        version = self.session.get(VersionRow, version_id)
        if version is None:
            return None
        document = self._first(col(DocumentRow.id) == version.document_id)
        row = self.session.get_one(DocumentRow, version.document_id)
        collection = SqlCollections(self.session).by_id(row.collection_id)
        assert document is not None
        assert collection is not None
        return IngestTarget(document, _version(version), collection, row.deleted_at is not None)

    def version_ids(self, document_id: str) -> list[str]:
        query = select(VersionRow.id).where(VersionRow.document_id == document_id)
        return list(self.session.exec(query.order_by(col(VersionRow.created_at), col(VersionRow.id))))

    def collection_id(self, document_id: str) -> str | None:
        return self.session.exec(select(DocumentRow.collection_id).where(DocumentRow.id == document_id)).first()

    def record_facts(
        self,
        version_id: str,
        *,
        pages: int | None = None,
        chunks: int | None = None,
        pii_counts: Mapping[str, int] | None = None,
    ) -> None:
        row = self.session.get(VersionRow, version_id)
        if row is None:
            return
        row.pages = row.pages if pages is None else pages
        row.chunks = row.chunks if chunks is None else chunks
        row.pii_counts = row.pii_counts if pii_counts is None else dict(pii_counts)

    def activate(self, version_id: str, at: datetime) -> str | None:
        version = self.session.get(VersionRow, version_id)
        row = self.session.get(DocumentRow, version.document_id) if version else None
        if row is None or row.deleted_at is not None or row.latest_version_id != version_id:
            raise VersionSuperseded
        replaced = row.active_version_id
        if replaced != version_id:
            row.active_version_id, row.updated_at = version_id, at
            self._grow_revision(row.collection_id)
        return replaced if replaced != version_id else None

    def purge(self, document_id: str) -> None:
        """What remains besides id and times: the job that deletes it, and who may follow that job."""
        row = self.session.get(DocumentRow, document_id)
        if row is None or row.deleted_at is None:
            return
        versions = select(VersionRow.id).where(VersionRow.document_id == document_id)
        jobs = select(JobRow.id).where(JobRow.document_id == document_id, JobRow.kind != JobKind.DELETE.value)
        active = select(CollectionRow.active_generation_id).where(CollectionRow.id == row.collection_id)
        for statement in (
            delete(GenerationVersionRow).where(
                col(GenerationVersionRow.version_id).in_(versions),
                col(GenerationVersionRow.generation_id).in_(active),  # of one being built, its builder cleans up
            ),
            delete(ChunkRow).where(col(ChunkRow.version_id).in_(versions)),
            delete(JobEventRow).where(col(JobEventRow.job_id).in_(jobs)),
            delete(JobStepRow).where(col(JobStepRow.job_id).in_(jobs)),
            delete(JobRow).where(col(JobRow.document_id) == document_id, col(JobRow.kind) != JobKind.DELETE.value),
            delete(VersionRow).where(col(VersionRow.document_id) == document_id),
            delete(IdempotencyRow).where(col(IdempotencyRow.body).contains(document_id, autoescape=True)),
            delete(OutboxRow).where(cast(col(OutboxRow.data), Text).contains(document_id, autoescape=True)),
        ):
            self.session.exec(statement)
        row.title, row.details, row.active_version_id = "", {}, None
        row.latest_version_id = ""  # it follows from the content, so it could tell whether some file was this one
        self.session.info[ERASED] = True

    # --- how ---

    def _first(self, *where: ColumnElement[bool]) -> Document | None:
        return next(iter(self._select(*where, limit=1)), None)

    def _select(self, *where: ColumnElement[bool], limit: int) -> list[Document]:
        job = and_(col(JobRow.version_id) == DocumentRow.latest_version_id, col(JobRow.kind) == JobKind.INGEST.value)
        query = (
            select(DocumentRow, VersionRow, _STATUS)
            .join(VersionRow, col(VersionRow.id) == DocumentRow.latest_version_id)
            .outerjoin(JobRow, job)
            .where(*where)
            .order_by(col(DocumentRow.created_at).desc(), col(DocumentRow.id).desc())
            .limit(limit)
        )
        rows = self.session.exec(query).all()
        readers = self._readers([row.id for row, _, _ in rows])
        return [_document(row, version, status, readers.get(row.id, frozenset())) for row, version, status in rows]

    def _readers(self, document_ids: Iterable[str]) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for row in self.session.exec(select(ReaderRow).where(col(ReaderRow.document_id).in_(list(document_ids)))):
            found.setdefault(row.document_id, set()).add(row.subject)
        return {document_id: frozenset(subjects) for document_id, subjects in found.items()}

    def _add_version(self, version: Version) -> None:
        self.session.add(
            VersionRow(
                id=version.id,
                document_id=version.document_id,
                sha256=version.sha256,
                size_bytes=version.size_bytes,
                media_type=version.media_type,
                filename=version.filename,
                blob_key=version.blob_key,
                created_at=version.created_at,
                pages=version.pages,
                chunks=version.chunks,
                pii_counts=dict(version.pii_counts),
            )
        )
        self.session.flush()

    def _grow_revision(self, collection_id: str) -> None:
        grown = update(CollectionRow).where(col(CollectionRow.id) == collection_id)
        self.session.exec(grown.values(revision=CollectionRow.revision + 1))


def older_than(
    session: Session, table: type[DocumentRow] | type[JobRow], principal: Principal, row_id: str
) -> ColumnElement[bool]:
    """Rows that come after this one in a list that begins with the newest; none after one unknown to the tenant."""
    query = select(table.created_at).where(table.id == row_id, table.tenant_id == principal.tenant_id)
    at = session.exec(query).first()
    if at is None:
        return col(table.id).in_([])
    return or_(col(table.created_at) < at, and_(col(table.created_at) == at, col(table.id) < row_id))


def _version(row: VersionRow) -> Version:
    return Version(
        id=row.id,
        document_id=row.document_id,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        media_type=row.media_type,
        filename=row.filename,
        blob_key=row.blob_key,
        created_at=row.created_at,
        pages=row.pages,
        chunks=row.chunks,
        pii_counts=row.pii_counts,
    )


def _document(row: DocumentRow, latest: VersionRow, status: Any, readers: frozenset[str]) -> Document:
    return Document(
        id=row.id,
        tenant_id=row.tenant_id,
        collection_id=row.collection_id,
        title=row.title,
        readers=readers,
        metadata=row.details,
        latest=_version(latest),
        active_version_id=row.active_version_id,
        status=DocumentStatus(status),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
