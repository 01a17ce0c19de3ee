"""/v1/search and /v1/query"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from itertools import count
from typing import assert_never

from fastapi import APIRouter, Request, Response

from app.api.answer_schemas import Answer, Citation, Passage, Passages, QueryRequest, SearchRequest, Shown
from app.api.auth import Reader, Use
from app.api.direct import direct
from app.api.disconnects import while_connected
from app.api.responses import problems
from app.api.sse import SseEvent, at_once, stream
from app.services import several
from app.services.answer_records import GIVEN_AGAIN
from app.services.ask import AnswerEvent, CitationFound, Delta, PassagesFound, Question, whole
from app.services.bundle import Services
from pipelines.domain import answers
from pipelines.domain.access import Principal

router = APIRouter(prefix="/v1", tags=["answers"])

_SERVED_BY = "X-Cairn-Cache"  # none, exact, semantic, retrieval


_EVENTS = """`passages` first, then `citation` before the `delta` (a sentence) that needs it, then `answer`, whole; or `error`, a
problem document. Each has an `id`, counted from 1. A comment is sent where nothing happens for a while."""


async def _answered(body: QueryRequest, request: Request, principal: Principal, services: Services) -> Response:
    collection, *also = body.searched
    question = Question(
        text=body.query,
        collection=collection,
        also=tuple(also),
        top_k=body.top_k,
        task=body.task,
        filters=body.filters.narrowed(),
    )
    events = (
        services.ask.stream(principal, question)
        if body.conversation_id is None
        else services.dialogue.stream(principal, question, body.conversation_id)
    )
    # What refuses the question must come before the stream begins.
    first = await while_connected(request.receive, anext(events))
    if isinstance(first, PassagesFound) and first.cache in GIVEN_AGAIN:
        return await _again(first, events, stream=body.stream)
    if body.stream:
        streamed = stream(_events(first, events), request)
        streamed.headers[_SERVED_BY] = first.cache if isinstance(first, PassagesFound) else "none"
        return streamed
    return _whole(await while_connected(request.receive, whole(events)))


async def _again(first: PassagesFound, others: AsyncGenerator[AnswerEvent, None], *, stream: bool) -> Response:
    """What was answered before is there at once."""
    if not stream:
        return _whole(await whole(others))
    async with aclosing(others):
        events = [first, *[event async for event in others]]
    response = at_once(_encoded(event, str(number)) for number, event in enumerate(events, 1))
    response.headers[_SERVED_BY] = first.cache
    return response


def _whole(answer: answers.Answer) -> Response:
    body = Answer.model_validate(answer).model_dump_json()
    return Response(body, headers={_SERVED_BY: answer.cache}, media_type="application/json")


async def _events(
    first: AnswerEvent, others: AsyncGenerator[AnswerEvent, None]
) -> AsyncGenerator[SseEvent | None, None]:
    numbers = map(str, count(1))
    yield _encoded(first, next(numbers))
    async with aclosing(others):
        async for event in others:
            yield _encoded(event, next(numbers))


def _encoded(event: AnswerEvent, id_: str) -> SseEvent:
    match event:
        case PassagesFound():
            return SseEvent("passages", Shown(passages=Passage.each(event.passages)).model_dump_json(), id_)
        case Delta():
            return SseEvent("delta", {"text": event.text}, id_)
        case CitationFound():
            return SseEvent("citation", Citation.model_validate(event.citation).model_dump_json(), id_)
        case answers.Answer():
            return SseEvent("answer", Answer.model_validate(event).model_dump_json(), id_)
        case _:
            assert_never(event)


_asking = APIRouter(route_class=direct(QueryRequest, _answered))


@_asking.post("/query", response_model=Answer, responses=problems(404, 429, stream=_EVENTS))
async def query(body: QueryRequest, request: Request, principal: Reader, services: Use) -> Response:
    """An answer whose sentences cite their places: as server-sent events, or whole with `stream: false`."""
    return await _answered(body, request, principal, services)


router.include_router(_asking)


@router.post("/search", responses=problems(404))
async def search(body: SearchRequest, principal: Reader, services: Use, response: Response) -> Passages:
    """Passages with scores; no model is asked."""
    found = await several.search(
        services.retrieval, principal, body.searched, body.query, body.top_k, body.filters.narrowed()
    )
    await services.audit.shown(principal, "search", body.searched, found.passages)
    response.headers[_SERVED_BY] = found.cache
    return Passages(passages=Passage.each(found.passages), degraded=list(found.degraded))
