"""Questions without personal data, before an answer, a search result or a record is made of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

from app.services.ask import Answerer, AnswerEvent, Question
from app.services.redaction import Redaction
from app.services.retrieval import Retrieved, Search
from pipelines.domain.access import Principal
from pipelines.domain.filters import EVERYTHING, Filters


@dataclass(frozen=True, slots=True)
class RedactedAsk:
    """An Answerer around another, which never sees the question as it was asked."""

    answerer: Answerer
    redaction: Redaction

    async def stream(self, principal: Principal, question: Question) -> AsyncGenerator[AnswerEvent, None]:
        text = question.text
        for collection in (question.collection, *question.also):
            text = await self.redaction.asked(principal, collection, text)
        async with aclosing(self.answerer.stream(principal, replace(question, text=text))) as events:
            async for event in events:
                yield event


@dataclass(frozen=True, slots=True)
class RedactedSearch:
    """A Search around another, which never sees the question as it was asked."""

    retrieval: Search
    redaction: Redaction

    async def search(
        self, principal: Principal, collection: str, query: str, top_k: int = 8, filters: Filters = EVERYTHING
    ) -> Retrieved:
        query = await self.redaction.asked(principal, collection, query)
        return await self.retrieval.search(principal, collection, query, top_k, filters)

    async def occurrences(self, principal: Principal, collection: str, word: str, most: int) -> int:
        return await self.retrieval.occurrences(principal, collection, word, most)
