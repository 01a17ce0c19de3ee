"""Documents, their versions, and who may read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, case, cast, func, literal, or_, text
from sqlmodel import Session, col, delete, select, update

from app.adapters.sql.collections import SqlCollections
from app.adapters.sql.models import (
    BundleFileRow,
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
    SealedRow,
    SourceFileRow,
    VersionRow,
)
from app.adapters.sql.turns import forget_document
from pipelines.domain.access import Principal
from pipelines.domain.documents import Document, DocumentStatus, Held, Version
from pipelines.domain.errors import VersionSuperseded
from pipelines.domain.filters import Filters
from pipelines.domain.jobs import JobKind, JobStatus
from pipelines.domain.privacy import RedactionReport
from pipelines.ports import DocumentFilter, IngestTarget

ERASED = "erased"  # in a session's info: its commit left deleted content in the database's log
_ENDED_BADLY = (JobStatus.FAILED, JobStatus.CANCELLED)


def readable(principal: Principal, tenant: ColumnElement[str] | None = None) -> ColumnElement[bool]:
    """Live documents of the principal's tenant whose readers name one of its subjects. `tenant`: an expression of it."""
    return and_(was_readable(principal, tenant), col(DocumentRow.deleted_at).is_(None))


def was_readable(principal: Principal, tenant: ColumnElement[str] | None = None) -> ColumnElement[bool]:
    """The same, and those that were when they were deleted."""
    of_tenant = col(DocumentRow.tenant_id) if tenant is None else tenant
    named = select(ReaderRow.document_id).where(
        ReaderRow.document_id == DocumentRow.id, col(ReaderRow.subject).in_(principal.subjects)
    )
    return and_(of_tenant.in_([principal.tenant_id]), named.exists())


def matching(where: Filters) -> list[ColumnElement[bool]]:
    """What a document's row must fulfil."""
    details = col(DocumentRow.details)
    found: list[ColumnElement[bool]] = [details[key].as_string().in_(values) for key, values in where.metadata]
    if where.document_ids is not None:
        found.append(col(DocumentRow.id).in_(where.document_ids))
    if where.tags is not None:
        tags = literal(",") + func.replace(func.coalesce(details["tags"].as_string(), ""), ", ", ",") + literal(",")
        found.append(or_(*(tags.contains(f",{tag},", autoescape=True) for tag in sorted(where.tags))))
    date = func.coalesce(details["date"].as_string(), func.substr(cast(col(DocumentRow.created_at), Text), 1, 10))
    if where.date_from is not None:
        found.append(date >= where.date_from.isoformat())
    if where.date_to is not None:
        found.append(date <= where.date_to.isoformat())
    return found


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

    def versions(self, principal: Principal, document_id: str) -> list[Version]:
        query = (
            select(VersionRow)
            .join(DocumentRow, col(DocumentRow.id) == VersionRow.document_id)
            .where(readable(principal), col(DocumentRow.id) == document_id)
            .order_by(col(VersionRow.created_at).desc(), col(VersionRow.id).desc())
        )
        return [_version(row) for row in self.session.exec(query)]

    def page(self, principal: Principal, where: DocumentFilter, after: str | None, limit: int) -> list[Document]:
        conditions = [readable(principal)]
        if where.collection_id is not None:
            conditions.append(col(DocumentRow.collection_id) == where.collection_id)
        if where.status is not None:
            conditions.append(_STATUS.in_([where.status.value]))
        if where.sha256:
            conditions.append(col(VersionRow.sha256).in_(where.sha256))
        if where.named is not None:
            names = (col(DocumentRow.title), col(VersionRow.filename))
            conditions.append(or_(*(name.icontains(where.named, autoescape=True) for name in names)))
        if after is not None:
            conditions.append(older_than(self.session, DocumentRow, was_readable(principal), after))
        return self._select(*conditions, limit=limit)

    def with_content(self, principal: Principal, collection_id: str, sha256: str) -> Document | None:
        return self._first(
            readable(principal), col(DocumentRow.collection_id) == collection_id, col(VersionRow.sha256) == sha256
        )

    def redacted_by(self, principal: Principal, collection_id: str) -> Mapping[str, int]:
        query = (
            select(VersionRow.pii_policy, func.count())
            .join(DocumentRow, col(DocumentRow.active_version_id) == VersionRow.id)
            .where(col(DocumentRow.collection_id) == collection_id, readable(principal))
            .group_by(col(VersionRow.pii_policy))
        )
        return {policy or "": count for policy, count in self.session.exec(query)}

    def titles(self, principal: Principal, collection_id: str, where: Filters) -> dict[str, str]:
        query = (
            select(VersionRow.id, DocumentRow.title, VersionRow.filename)
            .join(VersionRow, col(VersionRow.id) == DocumentRow.active_version_id)
            .where(col(DocumentRow.collection_id) == collection_id, readable(principal), *matching(where))
            .order_by(col(DocumentRow.created_at), col(DocumentRow.id))
        )
        return {version_id: f"{title} {filename}" for version_id, title, filename in self.session.exec(query)}

    def held(self, tenant_id: str) -> Held:
        here = col(DocumentRow.tenant_id) == tenant_id, col(DocumentRow.deleted_at).is_(None)
        sizes = (
            select(func.coalesce(func.sum(VersionRow.size_bytes), 0))
            .join(DocumentRow, col(DocumentRow.id) == VersionRow.document_id)
            .where(*here)
        )
        self.session.flush()
        count = self.session.exec(select(func.count()).select_from(DocumentRow).where(*here)).one()
        return Held(count, int(self.session.exec(sizes).one()))

    def add(self, document: Document) -> None:
        self.session.add(
            DocumentRow(
                id=document.id,
                tenant_id=document.tenant_id,
                collection_id=document.collection_id,
                title=document.title,
                details=dict(document.metadata),
                user_id=document.user_id,
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
            self.grow_revision(row)

    def share(self, document_id: str, readers: frozenset[str], at: datetime) -> None:
        row = self.session.get_one(DocumentRow, document_id)
        row.updated_at = at
        self.grow_revision(row)  # of those who may read it no longer
        self.session.exec(delete(ReaderRow).where(col(ReaderRow.document_id) == document_id))
        self.session.add_all([ReaderRow(document_id=document_id, subject=subject) for subject in readers])
        self.grow_revision(row)

    def retitle(self, document_id: str, title: str, at: datetime) -> None:
        row = self.session.get_one(DocumentRow, document_id)
        row.title, row.updated_at = title, at
        self.grow_revision(row)

    # --- for workflows ---

    def kept(self, document_id: str) -> Document | None:
        return self._first(col(DocumentRow.id) == document_id, col(DocumentRow.deleted_at).is_(None))

    def rename(self, document_id: str, filename: str, title: str, metadata: Mapping[str, str], at: datetime) -> None:
        row = self.session.get_one(DocumentRow, document_id)
        row.title, row.details, row.updated_at = title, dict(metadata), at
        self.session.get_one(VersionRow, row.latest_version_id).filename = filename
        self.grow_revision(row)

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
        pii: RedactionReport | None = None,
    ) -> None:
        row = self.session.get(VersionRow, version_id)
        if row is None:
            return
        row.pages = row.pages if pages is None else pages
        row.chunks = row.chunks if chunks is None else chunks
        if pii is not None:
            row.pii_counts, row.pii_policy, row.pii_recognisers = dict(pii.counts), pii.policy, pii.recognisers

    def activate(self, version_id: str, at: datetime) -> str | None:
        version = self.session.get(VersionRow, version_id)
        row = self.session.get(DocumentRow, version.document_id) if version else None
        if row is None or row.deleted_at is not None or row.latest_version_id != version_id:
            raise VersionSuperseded
        replaced = row.active_version_id
        if replaced != version_id:
            row.active_version_id, row.updated_at = version_id, at
            self.grow_revision(row)
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
            delete(SealedRow).where(col(SealedRow.version_id).in_(versions)),
            delete(JobEventRow).where(col(JobEventRow.job_id).in_(jobs)),
            delete(JobStepRow).where(col(JobStepRow.job_id).in_(jobs)),
            delete(JobRow).where(col(JobRow.document_id) == document_id, col(JobRow.kind) != JobKind.DELETE.value),
            delete(VersionRow).where(col(VersionRow.document_id) == document_id),
            delete(IdempotencyRow).where(col(IdempotencyRow.body).contains(document_id, autoescape=True)),
            delete(OutboxRow).where(cast(col(OutboxRow.data), Text).contains(document_id, autoescape=True)),
        ):
            self.session.exec(statement)
        for file in self.session.exec(select(SourceFileRow).where(SourceFileRow.document_id == document_id)):
            file.path, file.sha256, file.etag, file.document_id, file.problem = "", "", "", None, None
        for unpacked in self.session.exec(select(BundleFileRow).where(BundleFileRow.document_id == document_id)):
            unpacked.path, unpacked.version_id = "", None
        forget_document(self.session, document_id)
        row.title, row.details, row.active_version_id, row.user_id = "", {}, None, None
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
                pii_counts=dict(version.pii.counts),
                pii_policy=version.pii.policy,
                pii_recognisers=version.pii.recognisers,
            )
        )
        self.session.flush()

    def grow_revision(self, row: DocumentRow) -> None:
        """Of the document's collection, and of what each of its readers sees of it."""
        self.session.flush()
        grown = update(CollectionRow).where(col(CollectionRow.id) == row.collection_id)
        self.session.exec(grown.values(revision=CollectionRow.revision + 1))
        self.session.connection().execute(_GROW_VIEWS, {"collection": row.collection_id, "document": row.id})


_GROW_VIEWS = text(
    """
    INSERT INTO collection_views (collection_id, subject, revision)
    SELECT :collection, subject, 1 FROM document_readers WHERE document_id = :document
    ON CONFLICT (collection_id, subject) DO UPDATE SET revision = collection_views.revision + 1
    """
)


def older_than(
    session: Session, table: type[DocumentRow] | type[JobRow], seen: ColumnElement[bool], row_id: str
) -> ColumnElement[bool]:
    """Rows that come after this one in a list that begins with the newest; none after one that is not seen there."""
    at = session.exec(select(table.created_at).where(table.id == row_id, seen)).first()
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
        pii=RedactionReport(row.pii_counts, row.pii_policy or "", row.pii_recognisers or ""),
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
        user_id=row.user_id,
    )
