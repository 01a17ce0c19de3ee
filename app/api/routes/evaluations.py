"""/v1/evaluations: golden questions asked and scored."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus

from fastapi import APIRouter
from pydantic import Field

from app.api.auth import CollectionAdmin, Use
from app.api.responses import problems
from app.api.schemas import Job, Schema
from app.services.evaluations import Bound

router = APIRouter(prefix="/v1/evaluations", tags=["evaluations"])


class Calibrate(Schema):
    """At most a share `risk` of questions answered wrongly, with probability `certainty`."""

    risk: float = Field(gt=0, lt=1)
    certainty: float = Field(0.9, gt=0, lt=1)


class NewEvaluation(Schema):
    collection: str = "default"
    questions: str | None = Field(
        default=None, description="JSON lines as of a golden set; null: the collection's golden set"
    )
    calibrate: Calibrate | None = Field(
        default=None, description="then a threshold is set from which confidence on its questions are answered"
    )


class Evaluation(Schema):
    id: str
    collection_id: str
    created_at: datetime
    settings: Mapping[str, str]
    scores: Mapping[str, float] | None = Field(description="null until the run is through")


class EvaluatedQuestion(Schema):
    question: str
    measures: Mapping[str, float]


class EvaluationResults(Evaluation):
    results: list[EvaluatedQuestion]


class EvaluationList(Schema):
    evaluations: list[Evaluation]


class StartedEvaluation(Schema):
    evaluation: Evaluation
    job: Job


class Difference(Schema):
    """`low` to `high`: 95 % of the mean difference; `p`: how often chance alone makes so large a one."""

    before: float
    after: float
    low: float
    high: float
    p: float
    questions: int


class Comparison(Schema):
    differences: Mapping[str, Difference]


@router.post("", status_code=HTTPStatus.ACCEPTED, responses=problems(403, 404, 409))
async def start_evaluation(body: NewEvaluation, principal: CollectionAdmin, services: Use) -> StartedEvaluation:
    """Asks every question as you would, in a job of its own."""
    bound = Bound(body.calibrate.risk, body.calibrate.certainty) if body.calibrate else None
    evaluation, job = await services.evaluations.request(principal, body.collection, body.questions, bound)
    return StartedEvaluation(evaluation=Evaluation.model_validate(evaluation), job=Job.model_validate(job))


@router.get("", responses=problems(403, 404))
def list_evaluations(principal: CollectionAdmin, services: Use, collection: str = "default") -> EvaluationList:
    """Newest first."""
    return EvaluationList(evaluations=Evaluation.each(services.evaluations.page(principal, collection)))


@router.get("/{evaluation_id}", responses=problems(403, 404))
def get_evaluation(evaluation_id: str, principal: CollectionAdmin, services: Use) -> EvaluationResults:
    found, results = services.evaluations.get(principal, evaluation_id)
    run = Evaluation.model_validate(found).model_dump()
    return EvaluationResults(**run, results=EvaluatedQuestion.each(results))


@router.get("/{evaluation_id}/differences", responses=problems(403, 404))
async def compare_evaluations(evaluation_id: str, to: str, principal: CollectionAdmin, services: Use) -> Comparison:
    """From this run to another, over the questions that both asked."""
    found = await asyncio.to_thread(services.evaluations.compare, principal, evaluation_id, to)
    return Comparison(differences={name: Difference.model_validate(each) for name, each in found.items()})
