"""/v1/search and /v1/query"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import assert_never

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from app.api.auth import Reader, Use
from app.api.schemas import Answer, Citation, Passage, Passages, QueryRequest, SearchRequest
from app.api.sse import SseEvent, stream
from app.services.ask import AnswerEvent, CitationFound, Delta, PassagesFound, Question
from pipelines.domain import answers

router = APIRouter(prefix="/v1", tags=["answers"])


@router.post("/search")
async def search(body: SearchRequest, principal: Reader, services: Use) -> Passages:
    """Passages with scores; no model is asked."""
    found = await services.retrieval.search(principal, body.collection, body.query, body.top_k)
    return Passages(passages=Passage.each(found.passages), degraded=list(found.degraded))


@router.post("/query", response_model=Answer)
async def query(body: QueryRequest, request: Request, principal: Reader, services: Use) -> Answer | StreamingResponse:
    """An answer whose sentences cite their places: as server-sent events, or whole with `stream: false`."""
    question = Question(text=body.query, collection=body.collection, top_k=body.top_k)
    if not body.stream:
        return Answer.model_validate(await services.ask.answer(principal, question))
    events = services.ask.stream(principal, question)
    first = await anext(events)  # what refuses the question must come before the stream begins
    return stream(_events(first, events), request.url.path)


async def _events(first: AnswerEvent, others: AsyncIterator[AnswerEvent]) -> AsyncIterator[SseEvent | None]:
    yield _encoded(first)
    async for event in others:
        yield _encoded(event)


def _encoded(event: AnswerEvent) -> SseEvent:
    match event:
        case PassagesFound():
            return SseEvent("passages", {"passages": [each.model_dump() for each in Passage.each(event.passages)]})
        case Delta():
            return SseEvent("delta", {"text": event.text})
        case CitationFound():
            return SseEvent("citation", Citation.model_validate(event.citation).model_dump())
        case answers.Answer():
            return SseEvent("answer", Answer.model_validate(event).model_dump())
        case _:
            assert_never(event)
