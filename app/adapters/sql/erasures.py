"""Requests to erase a document, and their receipts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Text, cast, or_
from sqlmodel import Session, col, select

from app.adapters.sql.models import (
    AnswerDocumentRow,
    AnswerRow,
    BundleFileRow,
    BundleRow,
    ChunkRow,
    CollectionRow,
    DocumentRow,
    ErasureOrderRow,
    ErasureRow,
    EvaluationRow,
    GoldenQuestionRow,
    JobRow,
    ReaderRow,
    SourceFileRow,
    SourceRow,
    VersionRow,
)
from app.adapters.sql.turns import said_without
from pipelines.domain.access import Principal
from pipelines.domain.erasure import ErasedVersion, Erasure, ErasureOrder, ErasureStatus, Receipt, Signature, erasure_id
from pipelines.domain.jobs import JobKind, JobStatus

_AT_ONCE = 200  # answers
_ENDED_BADLY = (JobStatus.FAILED, JobStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class SqlErasures:
    """Erasures of pipelines/ports.py."""

    session: Session

    def add(self, tenant_id: str, document_id: str, at: datetime, order_id: str | None = None) -> None:
        id_ = erasure_id(document_id)
        if self.session.get(ErasureRow, id_) is None:
            self.session.add(
                ErasureRow(
                    id=id_,
                    tenant_id=tenant_id,
                    document_id=document_id,
                    requested_at=at,
                    order_id=order_id,
                    versions=[],
                )
            )

    def add_order(self, order: ErasureOrder, removed: Mapping[str, int]) -> None:
        self.session.add(ErasureOrderRow(**{**asdict(order), "removed": dict(removed)}))

    def order(self, tenant_id: str, order_id: str) -> ErasureOrder | None:
        row = self.session.get(ErasureOrderRow, order_id)
        if row is None or row.tenant_id != tenant_id:
            return None
        return ErasureOrder(row.id, row.tenant_id, row.user_id, row.asked_by, row.requested_at, row.removed)

    def ordered(self, order_id: str) -> list[Erasure]:
        query = select(ErasureRow).where(ErasureRow.order_id == order_id).order_by(col(ErasureRow.document_id))
        return [self._erasure(row) for row in self.session.exec(query).all()]

    def versions(self, document_id: str) -> list[ErasedVersion]:
        row = self._row(document_id)
        return [ErasedVersion(*each) for each in row.versions] if row else []

    def plan(self, document_id: str, versions: Sequence[ErasedVersion]) -> None:
        if (row := self._row(document_id)) is not None:
            row.versions = [list(each) for each in versions]

    def requested_at(self, document_id: str) -> datetime | None:
        row = self._row(document_id)
        return row.requested_at if row else None

    def named_elsewhere(self, document_id: str, texts: Sequence[str]) -> set[str]:
        query = (
            select(DocumentRow.title, VersionRow.filename, DocumentRow.details)
            .join(VersionRow, col(VersionRow.document_id) == DocumentRow.id)
            .where(DocumentRow.id != document_id)  # one that is being erased too will be searched for what it held
        )
        names = [
            line
            for title, filename, details in self.session.exec(query)
            for line in (title, filename, *details.values())
        ]
        # What became a document has its path among that one's details.
        names += self.session.exec(select(SourceRow.path))
        keys = cast(col(CollectionRow.answering), Text)  # of how collections answer; they are words, too
        names += self.session.exec(select(keys).where(col(CollectionRow.answering).is_not(None)))
        names += self.session.exec(select(BundleRow.filename))
        refused = col(SourceFileRow.problem).is_not(None)
        names += self.session.exec(
            select(SourceFileRow.path).where(refused, _another(SourceFileRow.document_id, document_id))
        )
        bare = or_(col(BundleFileRow.problem).is_not(None), col(BundleFileRow.duplicate))
        names += self.session.exec(
            select(BundleFileRow.path).where(bare, _another(BundleFileRow.document_id, document_id))
        )
        every = "\n".join(names).lower()
        found = {text for text in texts if text in every}
        for line in self._said_elsewhere(document_id):
            found.update(text for text in texts if text not in found and text in line)
        return found

    def _said_elsewhere(self, document_id: str) -> Iterator[str]:
        """Questions and answers that the document has no part in, and golden questions, some at a time."""
        part = select(AnswerDocumentRow.answer_id).where(AnswerDocumentRow.document_id == document_id)
        evidence, answered = cast(col(GoldenQuestionRow.evidence), Text), cast(col(AnswerRow.said), Text)
        queries: tuple[Any, ...] = (
            sa.select(col(AnswerRow.question), answered).where(col(AnswerRow.id).not_in(part)),
            sa.select(col(GoldenQuestionRow.question), col(GoldenQuestionRow.answer), evidence),
            sa.select(cast(col(EvaluationRow.questions), Text)),
        )
        for query in queries:
            for some in self.session.execute(query.execution_options(yield_per=_AT_ONCE)).partitions():
                yield "\n".join(text for line in some for text in line if text).lower()
        for said in said_without(self.session, document_id):
            yield said.lower()

    def prepared_elsewhere(self, document_id: str, texts: Sequence[str]) -> set[str]:
        query = (
            select(ChunkRow.text)
            .join(VersionRow, col(VersionRow.id) == ChunkRow.version_id)
            .join(DocumentRow, col(DocumentRow.id) == VersionRow.document_id)
            .where(DocumentRow.id != document_id, col(DocumentRow.active_version_id).is_distinct_from(VersionRow.id))
        )
        held: set[str] = set()
        for chunk in self.session.exec(query.execution_options(yield_per=500)):
            lower = chunk.lower()
            held.update(text for text in texts if text in lower)
        return held

    def certify(self, receipt: Receipt, signature: Signature) -> None:
        if (row := self._row(receipt.document_id)) is not None:
            row.statement, row.signature = receipt.statement(), list(signature)

    def get(self, principal: Principal, id_: str) -> Erasure | None:
        readable = select(ReaderRow.document_id).where(
            ReaderRow.document_id == ErasureRow.document_id, col(ReaderRow.subject).in_(principal.subjects)
        )
        query = select(ErasureRow).where(
            ErasureRow.id == id_, ErasureRow.tenant_id == principal.tenant_id, readable.exists()
        )
        row = self.session.exec(query).first()
        return self._erasure(row) if row else None

    def _row(self, document_id: str) -> ErasureRow | None:
        return self.session.get(ErasureRow, erasure_id(document_id))

    def _erasure(self, row: ErasureRow) -> Erasure:
        job = select(JobRow.status).where(JobRow.document_id == row.document_id, JobRow.kind == JobKind.DELETE.value)
        failed = self.session.exec(job).first() in _ENDED_BADLY
        status = ErasureStatus.FAILED if failed else ErasureStatus.PENDING
        return Erasure(
            id=row.id,
            tenant_id=row.tenant_id,
            document_id=row.document_id,
            status=ErasureStatus.VERIFIED if row.statement else status,
            requested_at=row.requested_at,
            statement=row.statement,
            signature=Signature(*row.signature) if row.signature else None,
        )


def _another(column: str | None, document_id: str) -> ColumnElement[bool]:
    return or_(col(column).is_(None), col(column) != document_id)
