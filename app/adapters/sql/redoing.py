"""Documents of a collection that are read again under another policy, and what was said from them before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, cast, or_
from sqlalchemy import Text as SqlText
from sqlmodel import Session, SQLModel, col, delete, select

from app.adapters.sql.answers import without_sources
from app.adapters.sql.documents import ERASED, SqlDocuments
from app.adapters.sql.models import (
    AnswerDocumentRow,
    AnswerRow,
    DocumentRow,
    FeedbackRow,
    IdempotencyRow,
    TurnDocumentRow,
    TurnRow,
    VersionRow,
)
from pipelines.domain.documents import Collection, Document
from pipelines.domain.privacy import Saying

_TURN, _FEEDBACK = "turn", "feedback"


@dataclass(frozen=True, slots=True)
class SqlRedoing:
    """Redoing of pipelines/catalog_ports.py."""

    session: Session

    def policies(self, collection_id: str) -> set[str]:
        query = (
            select(VersionRow.pii_policy)
            .join(DocumentRow, col(DocumentRow.active_version_id) == VersionRow.id)
            .where(col(DocumentRow.collection_id) == collection_id, col(DocumentRow.deleted_at).is_(None))
            .distinct()
        )
        return {policy or "" for policy in self.session.exec(query)}

    def live(self, collection_id: str, after: str, limit: int) -> list[Document]:
        query = (
            select(DocumentRow.id)
            .where(
                col(DocumentRow.collection_id) == collection_id,
                col(DocumentRow.deleted_at).is_(None),
                col(DocumentRow.id) > after,
            )
            .order_by(col(DocumentRow.id))
            .limit(limit)
        )
        found = (SqlDocuments(self.session).kept(each) for each in self.session.exec(query).all())
        return [each for each in found if each is not None]

    def filenames(self, document_id: str) -> dict[str, str]:
        query = select(VersionRow.id, VersionRow.filename).where(VersionRow.document_id == document_id)
        return dict(self.session.exec(query).all())

    def rename(self, document: Document, filenames: dict[str, str]) -> None:
        row = self.session.get_one(DocumentRow, document.id)
        row.title, row.details = document.title, dict(document.metadata)
        for version_id, filename in filenames.items():
            self.session.get_one(VersionRow, version_id).filename = filename
        kept = cast(col(IdempotencyRow.body), SqlText).contains(document.id, autoescape=True)
        self.session.exec(delete(IdempotencyRow).where(kept))  # they hold its name as it was
        self.session.info[ERASED] = True
        self.changed(document.id)

    def changed(self, document_id: str) -> None:
        SqlDocuments(self.session).grow_revision(self.session.get_one(DocumentRow, document_id))

    def withdraw(self, version_id: str, at: datetime) -> None:
        row = self.session.exec(select(DocumentRow).where(col(DocumentRow.active_version_id) == version_id)).first()
        if row is not None:
            row.active_version_id, row.updated_at = None, at
            self.changed(row.id)

    def unsay(self, collection: Collection) -> int:
        rows = self.session.exec(select(AnswerRow).where(self._answers(collection))).all()
        for row in rows:
            row.question, row.said = None, None
            row.manifest = without_sources(row.manifest)
            self.session.info[ERASED] = True
        return len(rows)

    def sayings(self, collection: Collection, first: int, limit: int) -> list[Saying]:
        turns = (
            select(TurnRow)
            .where(self._turns(collection))
            .order_by(col(TurnRow.conversation_id), col(TurnRow.position))
            .offset(first)
            .limit(limit)
        )
        found = [
            Saying(_TURN, row.conversation_id, row.position, (row.question, row.standalone, row.answer))
            for row in self.session.exec(turns)
        ]
        remarks = (
            select(FeedbackRow)
            .where(
                col(FeedbackRow.answer_id).in_(select(AnswerRow.id).where(self._answers(collection))),
                col(FeedbackRow.comment).is_not(None),
            )
            .order_by(col(FeedbackRow.id))
            .offset(first)
            .limit(limit)
        )
        return found + [Saying(_FEEDBACK, row.id, 0, (row.comment or "",)) for row in self.session.exec(remarks)]

    def say(self, sayings: Sequence[Saying]) -> None:
        for kind, id_, position, texts in sayings:
            table: type[SQLModel] = TurnRow if kind == _TURN else FeedbackRow
            row = self.session.get(table, (id_, position) if kind == _TURN else id_)
            if isinstance(row, TurnRow):
                row.question, row.standalone, row.answer = texts
            elif isinstance(row, FeedbackRow):
                (row.comment,) = texts
            self.session.info[ERASED] = True

    def _answers(self, collection: Collection) -> ColumnElement[bool]:
        """Of questions to the collection, and those that its documents were used for."""
        used = (
            select(AnswerDocumentRow.answer_id)
            .join(DocumentRow, col(DocumentRow.id) == AnswerDocumentRow.document_id)
            .where(DocumentRow.collection_id == collection.id)
        )
        asked = (col(AnswerRow.tenant_id) == collection.tenant_id) & (col(AnswerRow.collection) == collection.name)
        return or_(asked, col(AnswerRow.id).in_(used))

    def _turns(self, collection: Collection) -> ColumnElement[bool]:
        citing = (
            select(TurnDocumentRow.position)
            .join(DocumentRow, col(DocumentRow.id) == TurnDocumentRow.document_id)
            .where(
                DocumentRow.collection_id == collection.id,
                TurnDocumentRow.conversation_id == TurnRow.conversation_id,
                TurnDocumentRow.position == TurnRow.position,
            )
        )
        answers = select(AnswerRow.id).where(self._answers(collection))
        return or_(col(TurnRow.answer_id).in_(answers), citing.exists())
