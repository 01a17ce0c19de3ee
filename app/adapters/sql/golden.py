"""Golden sets of collections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, delete, select

from app.adapters.sql.models import CollectionRow, GoldenQuestionRow
from pipelines.domain.evaluation import EvidencePlace, GoldenQuestion


@dataclass(frozen=True, slots=True)
class SqlGoldenSets:
    """GoldenSets of pipelines/ports.py."""

    session: Session

    def put(self, collection_id: str, questions: Sequence[GoldenQuestion]) -> None:
        self.session.exec(delete(GoldenQuestionRow).where(col(GoldenQuestionRow.collection_id) == collection_id))
        for position, golden in enumerate(questions):
            evidence = [list(place) for place in golden.evidence]
            row = GoldenQuestionRow(
                collection_id=collection_id,
                position=position,
                question=golden.question,
                answer=golden.answer,
                evidence=evidence,
            )
            self.session.add(row)

    def collections(self) -> list[tuple[str, str]]:
        with_one = select(GoldenQuestionRow.collection_id).where(GoldenQuestionRow.position == 0)
        query = select(CollectionRow.tenant_id, CollectionRow.name).where(col(CollectionRow.id).in_(with_one))
        return list(self.session.exec(query.order_by(CollectionRow.id)))

    def get(self, collection_id: str) -> list[GoldenQuestion]:
        query = select(GoldenQuestionRow).where(GoldenQuestionRow.collection_id == collection_id)
        rows = self.session.exec(query.order_by(col(GoldenQuestionRow.position)))
        return [
            GoldenQuestion(row.question, tuple(EvidencePlace(*place) for place in row.evidence), row.answer)
            for row in rows
        ]
