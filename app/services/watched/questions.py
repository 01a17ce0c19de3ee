"""Questions and searches, as a whole and by their stages."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from app.observability.budgets import Budgets
from app.services.answer_records import GIVEN_AGAIN
from app.services.ask import Answerer, AnswerEvent, Question
from app.services.grounds import Pages
from app.services.retrieval import Retrieved, Search
from pipelines.domain.access import Principal
from pipelines.domain.answers import Answer
from pipelines.domain.documents import Box, PageBox, Word
from pipelines.domain.filters import EVERYTHING, Filters
from pipelines.trace_ports import Tracer

_OF_GIVEN_AGAIN = ("cache", "total")  # the other stages were those of whom it was made for


@dataclass(frozen=True, slots=True)
class WatchedAsk:
    """An Answerer around another: what the stages of its answers took."""

    answerer: Answerer
    budgets: Budgets
    tracer: Tracer

    async def stream(self, principal: Principal, question: Question) -> AsyncGenerator[AnswerEvent, None]:
        span = self.tracer.begin("answer", {"cairn.tenant": principal.tenant_id, "cairn.top_k": question.top_k})
        failure: Exception | None = None
        try:
            async with aclosing(self.answerer.stream(principal, question)) as events:
                async for event in events:
                    if isinstance(event, Answer):
                        self._count(event)
                        span.note(
                            {
                                "cairn.cache": event.cache,
                                "cairn.abstained": event.abstained,
                                "cairn.citations": len(event.citations),
                                "gen_ai.response.model": event.model,
                            }
                        )
                    yield event
        except Exception as error:
            failure = error
            raise
        finally:
            span.end(failure)

    def _count(self, answer: Answer) -> None:
        timings = answer.timings_ms
        if answer.cache in GIVEN_AGAIN:
            timings = {stage: timings[stage] for stage in _OF_GIVEN_AGAIN if stage in timings}
        self.budgets.took(timings)


@dataclass(frozen=True, slots=True)
class WatchedSearch:
    """A Search around another. `budgets` None: its stages are counted with those of the answer that it is for."""

    search_: Search
    tracer: Tracer
    budgets: Budgets | None = None

    async def search(
        self, principal: Principal, collection: str, query: str, top_k: int = 8, filters: Filters = EVERYTHING
    ) -> Retrieved:
        with self.tracer.span("retrieve", {"cairn.tenant": principal.tenant_id, "cairn.top_k": top_k}) as span:
            found = await self.search_.search(principal, collection, query, top_k, filters)
            span.note({"cairn.cache": found.cache, "cairn.passages": len(found.passages)})
        if self.budgets is not None:
            self.budgets.took(found.timings_ms)
        return found

    async def occurrences(self, principal: Principal, collection: str, word: str, most: int) -> int:
        return await self.search_.occurrences(principal, collection, word, most)


@dataclass(frozen=True, slots=True)
class WatchedPages:
    """Pages (app/services/grounds.py) around others: each place that is read again before it is cited."""

    pages: Pages
    tracer: Tracer

    def expect(self, places: Sequence[PageBox], version_id: str) -> None:
        self.pages.expect(places, version_id)

    async def words(self, version_id: str, page: int, box: Box) -> Sequence[Word]:
        with self.tracer.span("read place again", {"cairn.version_id": version_id, "cairn.page": page}):
            return await self.pages.words(version_id, page, box)
