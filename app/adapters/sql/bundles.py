"""Archives that are unpacked, and what became of their files."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlmodel import Session, col, delete, func, select

from app.adapters.sql.models import BundleFileRow, BundleRow, JobRow
from pipelines.domain.bundles import Bundle, BundleFile
from pipelines.domain.jobs import JobError, JobStatus

_TERMINAL = [status.value for status in JobStatus if status.terminal]


@dataclass(frozen=True, slots=True)
class SqlBundles:
    """Bundles of pipelines/catalog_ports.py."""

    session: Session

    def add(self, bundle: Bundle) -> None:
        self.session.add(
            BundleRow(
                id=bundle.id,
                tenant_id=bundle.tenant_id,
                collection_id=bundle.collection_id,
                user_id=bundle.user_id,
                readers=None if bundle.readers is None else sorted(bundle.readers),
                details=dict(bundle.metadata),
                filename=bundle.filename,
                sha256=bundle.sha256,
                size_bytes=bundle.size_bytes,
                created_at=bundle.created_at,
            )
        )
        self.session.flush()

    def get(self, bundle_id: str) -> Bundle | None:
        row = self.session.get(BundleRow, bundle_id)
        return _bundle(row) if row else None

    def put_file(self, file: BundleFile) -> None:
        self.session.merge(
            BundleFileRow(
                bundle_id=file.bundle_id,
                position=file.position,
                path=file.path,
                document_id=file.document_id,
                version_id=file.version_id,
                duplicate=file.duplicate,
                problem=asdict(file.problem) if file.problem else None,
            )
        )

    def files(self, bundle_id: str, first: int, limit: int) -> list[BundleFile]:
        query = select(BundleFileRow).where(BundleFileRow.bundle_id == bundle_id, BundleFileRow.position >= first)
        return [_file(row) for row in self.session.exec(query.order_by(col(BundleFileRow.position)).limit(limit))]

    def count(self, bundle_id: str) -> tuple[int, int]:
        taken = select(func.count(), func.count(col(BundleFileRow.problem))).where(BundleFileRow.bundle_id == bundle_id)
        every, refused = self.session.exec(taken).one()
        return every, refused

    def over(self, before: datetime, limit: int) -> list[Bundle]:
        going_on = select(JobRow.id).where(JobRow.bundle_id == BundleRow.id, col(JobRow.status).not_in(_TERMINAL))
        query = select(BundleRow).where(BundleRow.created_at < before, ~going_on.exists())
        return [_bundle(row) for row in self.session.exec(query.order_by(BundleRow.id).limit(limit))]

    def remove(self, bundle_id: str) -> None:
        self.session.exec(delete(BundleFileRow).where(col(BundleFileRow.bundle_id) == bundle_id))
        self.session.exec(delete(BundleRow).where(col(BundleRow.id) == bundle_id))


def _bundle(row: BundleRow) -> Bundle:
    return Bundle(
        id=row.id,
        tenant_id=row.tenant_id,
        collection_id=row.collection_id,
        user_id=row.user_id,
        readers=None if row.readers is None else frozenset(row.readers),
        metadata=row.details,
        filename=row.filename,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        created_at=row.created_at,
    )


def _file(row: BundleFileRow) -> BundleFile:
    return BundleFile(
        bundle_id=row.bundle_id,
        position=row.position,
        path=row.path,
        document_id=row.document_id,
        version_id=row.version_id,
        duplicate=row.duplicate,
        problem=JobError(**row.problem) if row.problem else None,
    )
