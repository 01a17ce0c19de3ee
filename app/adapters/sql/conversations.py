"""Conversations: each is seen by whose it is, and its answers only while what they cite may be read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_
from sqlmodel import Session, col, delete, func, select

from app.adapters.sql.documents import ERASED, readable
from app.adapters.sql.models import ConversationRow, DocumentRow, TurnDocumentRow, TurnRow
from pipelines.domain.access import Principal
from pipelines.domain.conversations import CitedPlace, Conversation, Turn


@dataclass(frozen=True, slots=True)
class SqlConversations:
    """Conversations of pipelines/ports.py."""

    session: Session

    def add(self, conversation: Conversation, most: int) -> None:
        mine = _of(conversation.tenant_id, conversation.user_id)
        newest = select(ConversationRow.id).where(mine).order_by(*_NEWEST_FIRST).limit(most - 1)
        self._remove(mine, col(ConversationRow.id).not_in(newest))
        self.session.add(
            ConversationRow(
                id=conversation.id,
                tenant_id=conversation.tenant_id,
                user_id=conversation.user_id,
                created_at=conversation.created_at,
                updated_at=conversation.updated_at,
            )
        )

    def get(self, principal: Principal, conversation_id: str) -> Conversation | None:
        return next(iter(self._select(_mine(principal), ConversationRow.id == conversation_id, limit=1)), None)

    def page(self, principal: Principal, after: str | None, limit: int) -> list[Conversation]:
        where = [_mine(principal)]
        if after is not None:
            last = self.get(principal, after)
            where.append(_older_than(last) if last else col(ConversationRow.id).in_([]))
        return self._select(*where, limit=limit)

    def turns(self, principal: Principal, conversation_id: str, limit: int) -> list[Turn]:
        query = (
            select(TurnRow)
            .join(ConversationRow, col(ConversationRow.id) == TurnRow.conversation_id)
            .where(_mine(principal), TurnRow.conversation_id == conversation_id)
            .order_by(col(TurnRow.position).desc())
            .limit(limit)
        )
        rows = list(self.session.exec(query))[::-1]
        places = [tuple(CitedPlace(*each) for each in row.citations) for row in rows]
        visible = self._readable(principal, {place.document_id for turn in places for place in turn})
        turns, hidden = [], False
        for row, cited in zip(rows, places, strict=True):
            gone = not {place.document_id for place in cited} <= visible
            hidden |= gone  # a later question may have been understood by what is no longer shown
            turns.append(
                Turn(
                    question=row.question,
                    standalone=row.question if hidden else row.standalone,
                    answer=None if gone else row.answer,
                    answer_id=row.answer_id,
                    citations=() if gone else cited,
                    at=row.created_at,
                )
            )
        return turns

    def append(self, principal: Principal, conversation_id: str, turn: Turn, most: int) -> bool:
        documents = {place.document_id for place in turn.citations}
        mine = select(ConversationRow).where(_mine(principal), ConversationRow.id == conversation_id)
        conversation = self.session.exec(mine).first()
        if conversation is None or not documents <= self._readable(principal, documents):
            return False
        conversation.updated_at = turn.at
        newest = select(func.max(TurnRow.position)).where(TurnRow.conversation_id == conversation_id)
        last = self.session.exec(newest).one()
        position = 0 if last is None else last + 1
        self.session.add(
            TurnRow(
                conversation_id=conversation_id,
                position=position,
                question=turn.question,
                standalone=turn.standalone,
                answer=turn.answer or "",
                answer_id=turn.answer_id,
                citations=[list(place) for place in turn.citations],
                created_at=turn.at,
            )
        )
        for document_id in documents:
            self.session.add(
                TurnDocumentRow(conversation_id=conversation_id, position=position, document_id=document_id)
            )
        for table in (TurnDocumentRow, TurnRow):
            over = col(table.conversation_id) == conversation_id, col(table.position) <= position - most
            self.session.exec(delete(table).where(*over))
        return True

    def remove(self, principal: Principal, conversation_id: str) -> bool:
        return bool(self._remove(_mine(principal), col(ConversationRow.id) == conversation_id))

    def forget(self, before: datetime) -> int:
        return self._remove(col(ConversationRow.updated_at) < before)

    # --- how ---

    def _select(self, *where: ColumnElement[bool] | bool, limit: int) -> list[Conversation]:
        of_it = TurnRow.conversation_id == ConversationRow.id
        turns = select(func.count()).where(of_it).scalar_subquery()
        opening = select(TurnRow.question).where(of_it).order_by(col(TurnRow.position)).limit(1).scalar_subquery()
        query = select(ConversationRow, turns, opening).where(*where).order_by(*_NEWEST_FIRST).limit(limit)
        return [
            Conversation(row.id, row.tenant_id, row.user_id, row.created_at, row.updated_at, count, first)
            for row, count, first in self.session.exec(query)
        ]

    def _readable(self, principal: Principal, document_ids: Collection[str]) -> set[str]:
        query = select(DocumentRow.id).where(readable(principal), col(DocumentRow.id).in_(list(document_ids)))
        return set(self.session.exec(query))

    def _remove(self, *where: ColumnElement[bool]) -> int:
        ids: Sequence[str] = list(self.session.exec(select(ConversationRow.id).where(*where)))
        if not ids:
            return 0
        for table in (TurnDocumentRow, TurnRow):
            self.session.exec(delete(table).where(col(table.conversation_id).in_(ids)))
        self.session.exec(delete(ConversationRow).where(col(ConversationRow.id).in_(ids)))
        self.session.info[ERASED] = True
        return len(ids)


_NEWEST_FIRST = (col(ConversationRow.updated_at).desc(), col(ConversationRow.id).desc())


def _older_than(last: Conversation) -> ColumnElement[bool]:
    at = col(ConversationRow.updated_at)
    return or_(at < last.updated_at, and_(at == last.updated_at, col(ConversationRow.id) < last.id))


def _mine(principal: Principal) -> ColumnElement[bool]:
    return _of(principal.tenant_id, principal.user_id)


def _of(tenant_id: str, user_id: str) -> ColumnElement[bool]:
    return and_(col(ConversationRow.tenant_id) == tenant_id, col(ConversationRow.user_id) == user_id)
