"""Questions that lean on those before them: made to stand alone, answered, and kept for the next one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

import structlog

from app.services.ask import Answerer, AnswerEvent, Question
from app.services.chat import in_line
from app.services.conversations import Conversations
from app.services.redaction import Redaction
from pipelines.domain.access import Principal
from pipelines.domain.answers import Answer
from pipelines.domain.conversations import Turn
from pipelines.domain.errors import DependencyUnavailable, ModelUnavailable
from pipelines.ports import ChatModel, Clock, TokenCounter
from pipelines.query import followup
from pipelines.query.followup import Exchange

log = structlog.get_logger()

_TURNS = 12  # looked at
_TOKENS = 1_200  # of them, that a model is given
_NOT_RECORDED = "record"  # of what an answer says that the catalog could not take it
_LONGEST_REPLY = 2_000  # characters: a model that goes on does not rewrite


class FollowUps:
    """Makes questions stand alone: by the model, while it answers in time and keeps to the question; else by carrying over."""

    def __init__(self, chat: ChatModel | None, count_tokens: TokenCounter, *, timeout_s: float = 15) -> None:
        self._chat = chat
        self._count_tokens = count_tokens
        self._timeout_s = timeout_s

    async def standalone(self, principal: Principal, question: str, before: Sequence[Exchange]) -> str:
        """`before`: the exchanges that led to it, oldest first. The question itself where it leans on nothing."""
        if not before or not followup.leans(question):
            return question
        recent = await asyncio.to_thread(followup.recent, before, self._count_tokens, _TOKENS)
        rewritten = await self._rewritten(principal, question, recent) if recent else None
        return rewritten or followup.carried(question, before[-1].question)

    async def _rewritten(self, principal: Principal, question: str, before: Sequence[Exchange]) -> str | None:
        if self._chat is None or not await self._chat.available():
            return None
        said = ""
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                aclosing(in_line(self._chat, principal).stream(followup.messages(question, before))) as pieces,
            ):
                async for piece in pieces:
                    said += piece
                    if len(said) > _LONGEST_REPLY:
                        return None
        except (ModelUnavailable, TimeoutError):
            return None
        return followup.accepted(said, question, before)


class Dialogue:
    """Answers in a conversation."""

    def __init__(
        self,
        ask: Answerer,
        follow_ups: FollowUps,
        conversations: Conversations,
        clock: Clock,
        redaction: Redaction | None = None,
    ) -> None:
        self._ask = ask
        self._follow_ups = follow_ups
        self._conversations = conversations
        self._clock = clock
        self._redaction = redaction

    async def stream(
        self, principal: Principal, question: Question, conversation_id: str
    ) -> AsyncGenerator[AnswerEvent, None]:
        """As Ask does. Raises ConversationNotFound too. An answer that cannot be kept is given, and says so."""
        if self._redaction is not None:
            for collection in (question.collection, *question.also):
                question = replace(question, text=await self._redaction.asked(principal, collection, question.text))
        asked = question.text
        _, turns = await asyncio.to_thread(self._conversations.get, principal, conversation_id, _TURNS)
        before = [Exchange(turn.standalone, turn.answer or "") for turn in turns]
        standalone = await self._follow_ups.standalone(principal, asked, before)
        if standalone != asked:
            cited = frozenset(place.document_id for turn in turns for place in turn.citations)
            question = replace(question, text=standalone, leans_on=cited)
        async with aclosing(self._ask.stream(principal, question)) as events:
            async for event in events:
                if isinstance(event, Answer):
                    answer = replace(event, conversation_id=conversation_id, standalone=standalone)
                    yield await self._kept(principal, asked, answer)
                else:
                    yield event

    async def _kept(self, principal: Principal, asked: str, answer: Answer) -> Answer:
        assert answer.conversation_id is not None
        turn = Turn.of(asked, answer.standalone or asked, answer, self._clock())
        kept = False
        if _NOT_RECORDED not in answer.degraded:  # else the catalog took nothing a moment ago
            try:
                kept = await asyncio.to_thread(self._conversations.append, principal, answer.conversation_id, turn)
            except DependencyUnavailable as error:
                log.warning("conversation.not_kept", code=error.code)
        return answer if kept else replace(answer, degraded=(*answer.degraded, "conversation"))
