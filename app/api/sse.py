"""Server-sent events (WHATWG HTML, 9.2) over any iterator of events, kept alive while nothing happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import structlog
from fastapi.sse import EventSourceResponse, format_sse_event

from app.api.errors import problem, problem_of
from pipelines.domain.errors import CairnError

log = structlog.get_logger()

KEEP_ALIVE_S = 15
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


@dataclass(frozen=True, slots=True)
class SseEvent:
    name: str
    data: object  # JSON
    id: str | None = None


def stream(events: AsyncIterator[SseEvent | None], instance: str) -> EventSourceResponse:
    """Sends the events; None is nothing to send. An error becomes the last event, `error`, a problem document."""
    return EventSourceResponse(_encoded(events, instance), headers=_HEADERS)


async def _encoded(events: AsyncIterator[SseEvent | None], instance: str) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    quiet_since = loop.time()
    async for event in _with_pauses(_with_error(events, instance), KEEP_ALIVE_S):
        if event is not None:
            yield format_sse_event(data_str=json.dumps(event.data, ensure_ascii=False), event=event.name, id=event.id)
            quiet_since = loop.time()
        elif loop.time() - quiet_since >= KEEP_ALIVE_S:
            yield format_sse_event(comment="alive")
            quiet_since = loop.time()


async def _with_error(events: AsyncIterator[SseEvent | None], instance: str) -> AsyncIterator[SseEvent | None]:
    try:
        async for event in events:
            yield event
    except CairnError as error:
        yield SseEvent("error", problem_of(error, instance))
    except Exception:
        log.exception("stream.failed", path=instance)
        detail = "Something went wrong on our side; the server's log has the details."
        yield SseEvent("error", problem(500, CairnError.code, detail, instance))


async def _with_pauses(events: AsyncIterator[SseEvent | None], pause_s: float) -> AsyncIterator[SseEvent | None]:
    """The same events, and None each time `pause_s` pass without one."""
    following = asyncio.ensure_future(anext(events))
    try:
        while True:
            done, _ = await asyncio.wait({following}, timeout=pause_s)
            if not done:
                yield None
                continue
            try:
                event = following.result()
            except StopAsyncIteration:
                return
            yield event
            following = asyncio.ensure_future(anext(events))
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
