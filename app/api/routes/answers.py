"""/v1/search and /v1/query"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from itertools import count
from typing import assert_never

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from app.api.auth import Reader, Use
from app.api.disconnects import while_connected
from app.api.responses import problems
from app.api.schemas import Answer, Citation, Passage, Passages, QueryRequest, SearchRequest
from app.api.sse import SseEvent, stream
from app.services.ask import AnswerEvent, CitationFound, Delta, PassagesFound, Question, whole
from pipelines.domain import answers

router = APIRouter(prefix="/v1", tags=["answers"])

_SERVED_BY = "X-Cairn-Cache"  # none, exact, semantic, retrieval


_EVENTS = """`passages` first, then `citation` before the `delta` (a sentence) that needs it, then `answer`, whole; or `error`, a
problem document. Each has an `id`, counted from 1. A comment is sent where nothing happens for a while."""


@router.post("/search", responses=problems(404))
async def search(body: SearchRequest, principal: Reader, services: Use, response: Response) -> Passages:
    """Passages with scores; no model is asked."""
    found = await services.retrieval.search(principal, body.collection, body.query, body.top_k, body.filters.narrowed())
    await services.audit.shown(principal, "search", body.collection, found.passages)
    response.headers[_SERVED_BY] = found.cache
    return Passages(passages=Passage.each(found.passages), degraded=list(found.degraded))


@router.post("/query", response_model=Answer, responses=problems(404, 429, stream=_EVENTS))
async def query(
    body: QueryRequest, request: Request, principal: Reader, services: Use, response: Response
) -> Answer | StreamingResponse:
    """An answer whose sentences cite their places: as server-sent events, or whole with `stream: false`."""
    question = Question(
        text=body.query,
        collection=body.collection,
        top_k=body.top_k,
        task=body.task,
        filters=body.filters.narrowed(),
    )
    events = (
        services.ask.stream(principal, question)
        if body.conversation_id is None
        else services.dialogue.stream(principal, question, body.conversation_id)
    )
    if not body.stream:
        answer = Answer.model_validate(await while_connected(request.receive, whole(events)))
        response.headers[_SERVED_BY] = answer.cache
        return answer
    # What refuses the question must come before the stream begins.
    first = await while_connected(request.receive, anext(events))
    streamed = stream(_events(first, events), request)
    streamed.headers[_SERVED_BY] = first.cache if isinstance(first, PassagesFound) else "none"
    return streamed


async def _events(
    first: AnswerEvent, others: AsyncGenerator[AnswerEvent, None]
) -> AsyncGenerator[SseEvent | None, None]:
    numbers = count(1)
    yield _encoded(first, next(numbers))
    async with aclosing(others):
        async for event in others:
            yield _encoded(event, next(numbers))


def _encoded(event: AnswerEvent, number: int) -> SseEvent:
    id_ = str(number)
    match event:
        case PassagesFound():
            return SseEvent("passages", {"passages": [each.model_dump() for each in Passage.each(event.passages)]}, id_)
        case Delta():
            return SseEvent("delta", {"text": event.text}, id_)
        case CitationFound():
            return SseEvent("citation", Citation.model_validate(event.citation).model_dump(), id_)
        case answers.Answer():
            return SseEvent("answer", Answer.model_validate(event).model_dump(), id_)
        case _:
            assert_never(event)
