"""Answers whose asker and sources are on the record before anything of them is shown."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from app.services.ask import Answerer, AnswerEvent, PassagesFound, Question
from app.services.audit import Audit
from pipelines.domain.access import Principal


@dataclass(frozen=True, slots=True)
class AuditedAsk:
    answerer: Answerer
    audit: Audit

    async def stream(self, principal: Principal, question: Question) -> AsyncGenerator[AnswerEvent, None]:
        """Raises AuditUnavailable too, and then nothing was shown."""
        async with aclosing(self.answerer.stream(principal, question)) as events:
            async for event in events:
                if isinstance(event, PassagesFound):
                    searched = question.collection, *question.also
                    await self.audit.shown(principal, "answer", searched, event.passages)
                yield event
