"""/v1/conversations"""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import Field

from app.api import cursors
from app.api.auth import Reader, Use, Viewer
from app.api.schemas import Schema
from pipelines.domain import conversations

router = APIRouter(prefix="/v1/conversations", tags=["conversations"])


class Conversation(Schema):
    id: str
    turns: int
    opening: str | None = Field(description="the question that it begins with")
    created_at: datetime
    updated_at: datetime


class ConversationPage(Schema):
    conversations: list[Conversation]
    next_cursor: str | None


class CitedPlace(Schema):
    number: int
    document_id: str
    version_id: str
    chunk_id: str
    page: int


class Turn(Schema):
    """`answer` is null where a document that it cites was deleted, or may no longer be read by you."""

    question: str
    standalone: str
    answer: str | None
    answer_id: str
    citations: list[CitedPlace]
    at: datetime


class WholeConversation(Schema):
    conversation: Conversation
    turns: list[Turn]

    @classmethod
    def of(cls, found: conversations.Conversation, turns: list[conversations.Turn]) -> Self:
        return cls(conversation=Conversation.model_validate(found), turns=Turn.each(turns))


@router.post("", status_code=HTTPStatus.CREATED)
def begin_conversation(principal: Reader, services: Use) -> Conversation:
    """A new one; give its id as `conversation_id` to /v1/query. Yours alone, and kept for `CAIRN_CONVERSATION_DAYS`."""
    return Conversation.model_validate(services.conversations.begin(principal))


@router.get("")
def list_conversations(
    principal: Reader,
    services: Use,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ConversationPage:
    """Your own, the lately used first."""
    found = services.conversations.page(principal, cursors.decode(cursor), limit)
    following = cursors.encode(found[-1].id) if len(found) == limit else None
    return ConversationPage(conversations=Conversation.each(found), next_cursor=following)


@router.get("/{conversation_id}")
def get_conversation(conversation_id: str, principal: Viewer, services: Use) -> WholeConversation:
    """With its turns, oldest first."""
    return WholeConversation.of(*services.conversations.get(principal, conversation_id))


@router.delete("/{conversation_id}", status_code=HTTPStatus.NO_CONTENT)
def delete_conversation(conversation_id: str, principal: Viewer, services: Use) -> None:
    services.conversations.remove(principal, conversation_id)
