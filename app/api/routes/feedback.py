"""/v1/feedback"""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import Field, StringConstraints, model_validator

from app.api import cursors
from app.api.auth import Admin, Reader, Use
from app.api.schemas import Schema
from pipelines.domain.conversations import Thumb

router = APIRouter(prefix="/v1/feedback", tags=["feedback"])


class NewFeedback(Schema):
    """At least one of thumb, score and comment."""

    answer_id: Annotated[str, StringConstraints(pattern=r"^ans_[0-9a-f]{1,64}$")]
    thumb: Thumb | None = None
    score: int | None = Field(None, ge=1, le=5)
    comment: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.thumb is None and self.score is None and self.comment is None:
            raise ValueError("give thumb, score or comment")
        return self


class Feedback(Schema):
    id: str
    answer_id: str
    user_id: str
    thumb: Thumb | None
    score: int | None
    comment: str | None
    created_at: datetime


class FeedbackPage(Schema):
    feedback: list[Feedback]
    next_cursor: str | None


@router.post("", status_code=HTTPStatus.CREATED)
def give_feedback(body: NewFeedback, principal: Reader, services: Use) -> Feedback:
    """What you think of an answer, in place of what you said of it before."""
    given = services.feedback.put(principal, body.answer_id, body.thumb, body.score, body.comment)
    return Feedback.model_validate(given)


@router.get("")
def list_feedback(
    principal: Admin,
    services: Use,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> FeedbackPage:
    """Everybody's in the tenant, newest first."""
    found = services.feedback.page(principal, cursors.decode(cursor), limit)
    following = cursors.encode(found[-1].id) if len(found) == limit else None
    return FeedbackPage(feedback=Feedback.each(found), next_cursor=following)
