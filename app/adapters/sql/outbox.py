"""Events that wait to be taken by the workflow engine."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, delete, func, select

from app.adapters.sql.models import OutboxRow
from pipelines.domain.jobs import OutboxEvent


@dataclass(frozen=True, slots=True)
class SqlOutbox:
    session: Session

    def add(self, event: OutboxEvent, at: datetime) -> None:
        self.session.merge(OutboxRow(id=event.id, name=event.name, data=dict(event.data), created_at=at))

    def pending(self, limit: int) -> list[OutboxEvent]:
        query = select(OutboxRow).order_by(col(OutboxRow.created_at), col(OutboxRow.id))
        return [OutboxEvent(row.id, row.name, row.data) for row in self.session.exec(query.limit(limit))]

    def size(self) -> int:
        return self.session.exec(select(func.count()).select_from(OutboxRow)).one()

    def sent(self, event_ids: Collection[str]) -> None:
        self.session.exec(delete(OutboxRow).where(col(OutboxRow.id).in_(event_ids)))
