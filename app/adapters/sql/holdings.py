"""What the catalog holds of a person, or of a whole tenant, besides documents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, true
from sqlmodel import Session, SQLModel, col, delete, select, update

from app.adapters.sql.documents import ERASED, SqlDocuments
from app.adapters.sql.models import (
    AnswerDocumentRow,
    AnswerRow,
    ApiKeyRow,
    CollectionRow,
    ConversationRow,
    DocumentRow,
    EvaluationResultRow,
    EvaluationRow,
    FeedbackRow,
    GoldenQuestionRow,
    IdempotencyRow,
    ReaderRow,
    SourceRow,
    TurnDocumentRow,
    TurnRow,
)
from app.adapters.sql.sources import SqlSources


@dataclass(frozen=True, slots=True)
class SqlHoldings:
    """Holdings of pipelines/ports.py."""

    session: Session

    def documents(self, tenant_id: str, user_id: str | None, limit: int) -> list[str]:
        mine = true() if user_id is None else col(DocumentRow.user_id) == user_id
        query = select(DocumentRow.id).where(
            DocumentRow.tenant_id == tenant_id, mine, col(DocumentRow.deleted_at).is_(None)
        )
        return list(self.session.exec(query.order_by(col(DocumentRow.created_at), DocumentRow.id).limit(limit)))

    def erase(self, tenant_id: str, user_id: str | None, keep_keys_of: str, at: datetime) -> dict[str, int]:
        of = self._of(tenant_id, user_id)
        removed = {
            "sources": self._sources(of(SourceRow)),
            "conversations": self._with(
                ConversationRow,
                of(ConversationRow),
                (TurnDocumentRow, TurnDocumentRow.conversation_id),
                (TurnRow, TurnRow.conversation_id),
            ),
            "answers": self._with(AnswerRow, of(AnswerRow), (AnswerDocumentRow, AnswerDocumentRow.answer_id)),
            "feedback": self._remove(FeedbackRow, of(FeedbackRow)),
            "kept_requests": self._remove(IdempotencyRow, of(IdempotencyRow)),
            "evaluations": self._evaluations(tenant_id, user_id),
            "keys_ended": self._end_keys(of(ApiKeyRow), keep_keys_of, at),
        }
        if user_id is None:
            collections = select(CollectionRow.id).where(CollectionRow.tenant_id == tenant_id)
            golden = col(GoldenQuestionRow.collection_id).in_(collections)
            removed["golden_questions"] = self._remove(GoldenQuestionRow, golden)
        else:
            removed["readers_lists"] = self._unname(tenant_id, f"user:{user_id}", at)
        self.session.info[ERASED] = True
        return removed

    def _of(self, tenant_id: str, user_id: str | None) -> Any:
        def rows(table: Any) -> ColumnElement[bool]:
            mine: ColumnElement[bool] = table.tenant_id == tenant_id
            return mine if user_id is None else mine & (table.user_id == user_id)

        return rows

    def _remove(self, table: type[SQLModel], where: ColumnElement[bool]) -> int:
        return int(self.session.exec(delete(table).where(where)).rowcount)

    def _with(self, table: Any, where: ColumnElement[bool], *parts: tuple[type[SQLModel], Any]) -> int:
        for part, column in parts:
            self._remove(part, col(column).in_(select(table.id).where(where)))
        return self._remove(table, where)

    def _sources(self, where: ColumnElement[bool]) -> int:
        """First, or their next pass would bring the documents back."""
        ids = list(self.session.exec(select(SourceRow.id).where(where)))
        for source_id in ids:
            SqlSources(self.session).remove(source_id)
        return len(ids)

    def _evaluations(self, tenant_id: str, user_id: str | None) -> int:
        asked = col(EvaluationRow.tenant_id) == tenant_id
        if user_id is not None:
            asked &= col(EvaluationRow.asker)["user"].as_string() == user_id
        return self._with(EvaluationRow, asked, (EvaluationResultRow, EvaluationResultRow.evaluation_id))

    def _end_keys(self, where: ColumnElement[bool], keep_keys_of: str, at: datetime) -> int:
        open_ = where & col(ApiKeyRow.revoked_at).is_(None) & (col(ApiKeyRow.user_id) != keep_keys_of)
        return int(self.session.exec(update(ApiKeyRow).where(open_).values(revoked_at=at)).rowcount)

    def _unname(self, tenant_id: str, subject: str, at: datetime) -> int:
        """Out of the readers lists of documents that stay."""
        documents = SqlDocuments(self.session)
        query = (
            select(ReaderRow.document_id)
            .join(DocumentRow, col(DocumentRow.id) == ReaderRow.document_id)
            .where(
                ReaderRow.subject == subject,
                DocumentRow.tenant_id == tenant_id,
                col(DocumentRow.deleted_at).is_(None),
                col(DocumentRow.user_id).is_distinct_from(subject.removeprefix("user:")),
            )
        )
        named = list(self.session.exec(query))
        for document_id in named:
            kept = documents.kept(document_id)
            if kept is not None:
                documents.share(document_id, kept.readers - {subject}, at)
        return len(named)
