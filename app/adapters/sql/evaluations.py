"""Runs of golden questions, and what they found."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlmodel import Session, col, select

from app.adapters.sql.models import EvaluationResultRow, EvaluationRow
from pipelines.domain.evaluation import EvaluatedQuestion, Evaluation, EvidencePlace, GoldenQuestion, Measures


@dataclass(frozen=True, slots=True)
class SqlEvaluations:
    """Evaluations of pipelines/ports.py."""

    session: Session

    def add(self, evaluation: Evaluation) -> None:
        self.session.add(
            EvaluationRow(
                id=evaluation.id,
                tenant_id=evaluation.tenant_id,
                collection_id=evaluation.collection_id,
                created_at=evaluation.created_at,
                asker=dict(evaluation.asker),
                questions=[asdict(golden) for golden in evaluation.questions],
                settings=dict(evaluation.settings),
            )
        )

    def get(self, tenant_id: str | None, evaluation_id: str) -> Evaluation | None:
        row = self.session.get(EvaluationRow, evaluation_id)
        return _evaluation(row) if row is not None and tenant_id in (None, row.tenant_id) else None

    def of_collection(self, collection_id: str, limit: int) -> list[Evaluation]:
        query = select(EvaluationRow).where(EvaluationRow.collection_id == collection_id)
        rows = self.session.exec(query.order_by(col(EvaluationRow.created_at).desc()).limit(limit))
        return [_evaluation(row) for row in rows]

    def put_result(self, evaluation_id: str, position: int, measures: Measures) -> None:
        row = EvaluationResultRow(evaluation_id=evaluation_id, position=position, measures=dict(measures))
        self.session.merge(row)

    def results(self, evaluation_id: str) -> list[EvaluatedQuestion]:
        evaluation = self.get(None, evaluation_id)
        questions = evaluation.questions if evaluation else ()
        query = select(EvaluationResultRow).where(EvaluationResultRow.evaluation_id == evaluation_id)
        rows = self.session.exec(query.order_by(col(EvaluationResultRow.position)))
        return [EvaluatedQuestion(questions[row.position].question, row.measures) for row in rows]

    def close(self, evaluation_id: str, scores: Measures) -> None:
        self.session.get_one(EvaluationRow, evaluation_id).scores = dict(scores)


def _evaluation(row: EvaluationRow) -> Evaluation:
    questions = tuple(
        GoldenQuestion(each["question"], tuple(EvidencePlace(*place) for place in each["evidence"]), each["answer"])
        for each in row.questions
    )
    return Evaluation(
        id=row.id,
        tenant_id=row.tenant_id,
        collection_id=row.collection_id,
        created_at=row.created_at,
        asker=row.asker,
        questions=questions,
        settings=row.settings,
        scores=row.scores,
    )
