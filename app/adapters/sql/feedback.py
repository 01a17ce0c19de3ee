"""What people think of answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_
from sqlmodel import Session, col, delete, select

from app.adapters.sql.documents import readable
from app.adapters.sql.models import AnswerDocumentRow, DocumentRow, FeedbackRow
from pipelines.domain.access import Principal
from pipelines.domain.conversations import Feedback, Thumb


@dataclass(frozen=True, slots=True)
class SqlFeedback:
    """FeedbackBook of pipelines/ports.py."""

    session: Session

    def put(self, feedback: Feedback, most: int) -> None:
        mine = and_(
            col(FeedbackRow.tenant_id) == feedback.tenant_id,
            col(FeedbackRow.user_id) == feedback.user_id,
            col(FeedbackRow.id) != feedback.id,
        )
        newest = select(FeedbackRow.id).where(mine).order_by(*_NEWEST_FIRST).limit(most - 1)
        self.session.exec(delete(FeedbackRow).where(mine, col(FeedbackRow.id).not_in(newest)))
        self.session.merge(
            FeedbackRow(
                id=feedback.id,
                tenant_id=feedback.tenant_id,
                user_id=feedback.user_id,
                answer_id=feedback.answer_id,
                thumb=feedback.thumb,
                score=feedback.score,
                comment=feedback.comment,
                created_at=feedback.created_at,
            )
        )

    def page(self, principal: Principal, after: str | None, limit: int) -> list[Feedback]:
        tenant_id = principal.tenant_id
        where: list[ColumnElement[bool]] = [col(FeedbackRow.tenant_id) == tenant_id]
        if after is not None:
            last = self.session.get(FeedbackRow, after)
            mine = last is not None and last.tenant_id == tenant_id
            where.append(_older_than(last) if last and mine else col(FeedbackRow.id).in_([]))
        newest = select(FeedbackRow).where(*where).order_by(*_NEWEST_FIRST).limit(limit)
        rows = self.session.exec(newest).all()
        hidden = self._hidden(principal, [row.answer_id for row in rows])
        return [
            Feedback(
                id=row.id,
                tenant_id=row.tenant_id,
                user_id=row.user_id,
                answer_id=row.answer_id,
                thumb=Thumb(row.thumb) if row.thumb else None,
                score=row.score,
                comment=None if row.answer_id in hidden else row.comment,
                created_at=row.created_at,
            )
            for row in rows
        ]

    def _hidden(self, principal: Principal, answer_ids: Sequence[str]) -> set[str]:
        """Of these answers, those made from a document that the principal may not read."""
        query = (
            select(AnswerDocumentRow.answer_id)
            .join(DocumentRow, col(DocumentRow.id) == AnswerDocumentRow.document_id)
            .where(col(AnswerDocumentRow.answer_id).in_(answer_ids), ~readable(principal))
        )
        return set(self.session.exec(query))

    def forget(self, before: datetime) -> int:
        return self.session.exec(delete(FeedbackRow).where(col(FeedbackRow.created_at) < before)).rowcount


_NEWEST_FIRST = (col(FeedbackRow.created_at).desc(), col(FeedbackRow.id).desc())


def _older_than(last: FeedbackRow) -> ColumnElement[bool]:
    at = col(FeedbackRow.created_at)
    return or_(at < last.created_at, and_(at == last.created_at, col(FeedbackRow.id) < last.id))
