"""Conversations as those who hold them see them, and what they think of answers."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from app.observability.metrics import FEEDBACK
from app.services.redaction import Redaction
from pipelines.domain.access import Principal
from pipelines.domain.conversations import Conversation, ConversationNotFound, Feedback, Thumb, Turn, feedback_id
from pipelines.domain.ids import new_id
from pipelines.ports import Catalog, Clock

MOST_CONVERSATIONS = 1_000  # of a person
MOST_TURNS = 500  # of a conversation
MOST_FEEDBACK = 10_000  # of a person
_WAIT_S = 1  # for others who write, with an answer that is there


class Conversations:
    """Sync: call it from a thread. Raises ConversationNotFound, also for one that is somebody else's."""

    def __init__(self, catalog: Catalog, clock: Clock) -> None:
        self._catalog = catalog
        self._clock = clock

    def begin(self, principal: Principal) -> Conversation:
        at = self._clock()
        begun = Conversation(new_id("cnv"), principal.tenant_id, principal.user_id, at, at)
        with self._catalog.begin(principal) as uow:
            uow.conversations.add(begun, MOST_CONVERSATIONS)
        return begun

    def page(self, principal: Principal, after: str | None, limit: int) -> list[Conversation]:
        with self._catalog.read(principal) as uow:
            return uow.conversations.page(principal, after, limit)

    def get(
        self, principal: Principal, conversation_id: str, turns: int = MOST_TURNS
    ) -> tuple[Conversation, list[Turn]]:
        """With its latest turns, oldest first."""
        with self._catalog.read(principal) as uow:
            found = uow.conversations.get(principal, conversation_id)
            if found is None:
                raise ConversationNotFound
            return found, uow.conversations.turns(principal, conversation_id, turns)

    def append(self, principal: Principal, conversation_id: str, turn: Turn) -> bool:
        """False where it is not kept: the conversation, or a document that the answer cites, has gone meanwhile."""
        with self._catalog.begin(wait_s=_WAIT_S) as uow:
            return uow.conversations.append(principal, conversation_id, turn, MOST_TURNS)

    def remove(self, principal: Principal, conversation_id: str) -> None:
        with self._catalog.begin(principal) as uow:
            if not uow.conversations.remove(principal, conversation_id):
                raise ConversationNotFound


class FeedbackBook:
    """Sync: call it from a thread."""

    def __init__(self, catalog: Catalog, clock: Clock, redaction: Redaction | None = None) -> None:
        self._catalog = catalog
        self._clock = clock
        self._redaction = redaction

    def put(
        self, principal: Principal, answer_id: str, thumb: Thumb | None, score: int | None, comment: str | None
    ) -> Feedback:
        """In place of what this person said of the answer before."""
        feedback = Feedback(
            id=feedback_id(principal, answer_id),
            tenant_id=principal.tenant_id,
            user_id=principal.user_id,
            answer_id=answer_id,
            thumb=thumb,
            score=score,
            comment=self._redacted(principal, answer_id, comment) if comment else comment,
            created_at=self._clock(),
        )
        with self._catalog.begin(principal) as uow:
            uow.feedback.put(feedback, MOST_FEEDBACK)
        FEEDBACK.labels(thumb.value if thumb else "none").inc()
        return feedback

    def _redacted(self, principal: Principal, answer_id: str, comment: str) -> str:
        """As the policy of the collection says that the answer is from, while it can be told."""
        if self._redaction is None:
            return comment
        with self._catalog.read(principal) as uow:
            record = uow.answers.get(principal, answer_id)
            collection = uow.collections.by_name(principal.tenant_id, record.collection) if record else None
        return self._redaction.text(collection or principal.tenant_id, comment)

    def page(self, principal: Principal, after: str | None, limit: int) -> list[Feedback]:
        """Of everybody in the tenant, newest first."""
        with self._catalog.read(principal) as uow:
            return uow.feedback.page(principal, after, limit)


class ConversationGarbage:
    """What was not used for so long."""

    def __init__(self, catalog: Catalog, clock: Clock, kept: timedelta) -> None:
        self._catalog = catalog
        self._clock = clock
        self._kept = kept

    async def collect(self) -> dict[str, int]:
        return await asyncio.to_thread(self._forget)

    def _forget(self) -> dict[str, int]:
        before = self._clock() - self._kept
        with self._catalog.begin() as uow:
            return {"conversations": uow.conversations.forget(before), "feedback": uow.feedback.forget(before)}
