"""Conversations: what a person asked and was answered, kept so that the next question can lean on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from pipelines.domain.access import Principal
from pipelines.domain.answers import Answer
from pipelines.domain.errors import NotFound
from pipelines.domain.ids import derived_id


class ConversationNotFound(NotFound):
    """There is no such conversation, or it is not yours."""

    code = "conversation_not_found"


@dataclass(frozen=True, slots=True)
class Conversation:
    """`turns`: how many it holds; `opening`: the question that the first of them asks."""

    id: str
    tenant_id: str
    user_id: str
    created_at: datetime
    updated_at: datetime
    turns: int = 0
    opening: str | None = None


class CitedPlace(NamedTuple):
    """What is kept of a citation: where to look, and none of the words."""

    number: int
    document_id: str
    version_id: str
    chunk_id: str
    page: int


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its answer. `answer` None: a document that it cites is gone, or may no longer be read.

    `standalone`: the question as it was understood.
    """

    question: str
    standalone: str
    answer: str | None
    answer_id: str
    citations: tuple[CitedPlace, ...]
    at: datetime

    @classmethod
    def of(cls, question: str, standalone: str, answer: Answer, at: datetime) -> Turn:
        cited = tuple(
            CitedPlace(each.number, each.document_id, each.version_id, each.chunk_id, each.page)
            for each in answer.citations
        )
        return cls(question, standalone, answer.text, answer.id, cited, at)


class Thumb(StrEnum):
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a person thinks of an answer; a person's newest word on it is the one that counts. `score`: 1 to 5."""

    id: str
    tenant_id: str
    user_id: str
    answer_id: str
    thumb: Thumb | None
    score: int | None
    comment: str | None
    created_at: datetime


def feedback_id(principal: Principal, answer_id: str) -> str:
    return derived_id("fbk", principal.tenant_id, principal.user_id, answer_id)
