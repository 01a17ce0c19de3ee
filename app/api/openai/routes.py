"""/v1/chat/completions and /v1/models: OpenAI's clients ask a collection as if it were a model."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypedDict, assert_never

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from app.api.answer_schemas import Citation
from app.api.auth import Reader, Use
from app.api.disconnects import while_connected
from app.api.openai.schemas import (
    AssistantMessage,
    ChatCompletion,
    ChatCompletionChunk,
    ChatRequest,
    Choice,
    ChunkChoice,
    Delta,
    Facts,
    Model,
    ModelList,
    Usage,
    named,
)
from app.api.responses import openai_error
from app.api.sse import SseEvent, stream
from app.services import ask
from app.services.bundle import Services
from pipelines.domain.access import Principal
from pipelines.domain.answers import Answer
from pipelines.domain.documents import Collection
from pipelines.domain.ids import new_id
from pipelines.query.followup import Exchange

_CHUNKS = {"content": {"text/event-stream": {"schema": {"$ref": "#/components/schemas/ChatCompletionChunk"}}}}

router = APIRouter(prefix="/v1", tags=["openai"])


@router.get("/models")
def list_models(principal: Reader, services: Use) -> ModelList:
    """The collections."""
    return ModelList(data=[_model(each) for each in services.collections.all(principal)])


@router.get("/models/{model}")
def get_model(model: str, principal: Reader, services: Use) -> Model:
    """Several at once have their names with commas between."""
    found = [services.collections.get(principal, name) for name in named(model)]
    return Model(id=",".join(each.name for each in found), created=max(_model(each).created for each in found))


@router.post(
    "/chat/completions",
    response_model=ChatCompletion,
    responses={200: _CHUNKS, 404: openai_error(404), 429: openai_error(429)},
)
async def complete_chat(
    body: ChatRequest, request: Request, principal: Reader, services: Use
) -> ChatCompletion | StreamingResponse:
    """A cited answer to the last message: whole, or with `stream` as events that end with `[DONE]`."""
    asked, before = await _without_personal_data(services, principal, body)
    standalone = await while_connected(request.receive, services.follow_ups.standalone(principal, asked, before))
    first, *also = body.collections
    question = ask.Question(text=standalone, collection=first, also=tuple(also))
    events = services.ask.stream(principal, question)
    if not body.stream:
        answer = await while_connected(request.receive, ask.whole(events))
        return ChatCompletion(
            **_common(body),
            choices=[Choice(message=AssistantMessage(content=answer.text))],
            usage=await _usage(services, body, answer.text),
            citations=Citation.each(answer.citations),
            cairn=Facts.of(answer),
        )
    # What refuses the question must come before the stream begins.
    await while_connected(request.receive, anext(events))
    return stream(_chunks(events, body, services), request, error_name=None)


async def _without_personal_data(
    services: Services, principal: Principal, body: ChatRequest
) -> tuple[str, list[Exchange]]:
    """The last message, and what led to it."""

    async def redacted(text: str) -> str:
        for collection in body.collections:
            text = await services.redaction.asked(principal, collection, text)
        return text

    before = [Exchange(await redacted(each.question), await redacted(each.answer)) for each in body.exchanges]
    return await redacted(body.messages[-1].text), before


async def _chunks(
    events: AsyncGenerator[ask.AnswerEvent, None], body: ChatRequest, services: Services
) -> AsyncGenerator[SseEvent | None, None]:
    common, new = _common(body), list[Citation]()
    yield _event(ChatCompletionChunk(**common, choices=[ChunkChoice(delta=Delta(role="assistant", content=""))]))
    async with aclosing(events):
        async for event in events:
            match event:
                case ask.PassagesFound():
                    pass
                case ask.CitationFound():
                    new.append(Citation.model_validate(event.citation))
                case ask.Delta():
                    choice = ChunkChoice(delta=Delta(content=event.text))
                    yield _event(ChatCompletionChunk(**common, choices=[choice], citations=new))
                    new = []
                case Answer():
                    last = ChunkChoice(delta=Delta(), finish_reason="stop")
                    citations, facts = Citation.each(event.citations), Facts.of(event)
                    yield _event(ChatCompletionChunk(**common, choices=[last], citations=citations, cairn=facts))
                    if body.stream_options and body.stream_options.include_usage:
                        usage = await _usage(services, body, event.text)
                        yield _event(ChatCompletionChunk(**common, choices=[], usage=usage))
                case _:
                    assert_never(event)
    yield SseEvent(None, "[DONE]")


def _event(chunk: ChatCompletionChunk) -> SseEvent:
    return SseEvent(None, chunk.model_dump_json())


class _Common(TypedDict):
    id: str
    created: int
    model: str


def _common(body: ChatRequest) -> _Common:
    return _Common(id=new_id("chatcmpl"), created=int(time.time()), model=body.model)


async def _usage(services: Services, body: ChatRequest, answer: str) -> Usage:
    texts = [*(message.text for message in body.messages), answer]
    *asked, said = await asyncio.to_thread(services.count_tokens, texts)
    return Usage(prompt_tokens=sum(asked), completion_tokens=said, total_tokens=sum(asked) + said)


def _model(collection: Collection) -> Model:
    return Model(id=collection.name, created=int(collection.created_at.timestamp()))
