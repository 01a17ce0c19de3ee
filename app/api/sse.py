"""Server-sent events (WHATWG HTML, 9.2) over any stream of events, kept alive while nothing happens.

Nothing is made before it is sent: whoever reads slowly slows the stream down to the model, and whoever leaves ends it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.sse import EventSourceResponse, format_sse_event
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from app.api.disconnects import while_connected
from app.api.errors import body_of, unexpected
from app.observability.metrics import ERRORS
from pipelines.domain.errors import CairnError

log = structlog.get_logger()

_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """After how long a silence a comment is sent, and a stream that nobody reads is ended; seconds."""

    keep_alive_s: float = 15
    reader_timeout_s: float = 60


@dataclass(frozen=True, slots=True)
class SseEvent:
    """`data` is JSON; a string is sent as it is. Without a name it is what the standard calls a message."""

    name: str | None
    data: Mapping[str, object] | str
    id: str | None = None


Events = AsyncGenerator[SseEvent | None, None]
"""None is nothing to send."""


def limit(app: FastAPI, limits: StreamLimits) -> None:
    app.state.stream_limits = limits


def at_once(events: Iterable[SseEvent]) -> Response:
    """All of a stream that is there already, in one piece."""
    return Response(b"".join(map(_wire, events)), headers=_HEADERS, media_type=EventSourceResponse.media_type)


def stream(events: Events, request: Request, *, error_name: str | None = "error") -> EventSourceResponse:
    """Sends the events; an error becomes the last one, in the shape that the route's errors have."""
    limits: StreamLimits = request.app.state.stream_limits
    encoded = _encoded(_with_error(events, request.url.path, error_name), limits.keep_alive_s)
    return _ReadStream(encoded, limits.reader_timeout_s)


class _ReadStream(EventSourceResponse):
    """Ends when its reader leaves, or takes nothing for too long; what it sends is closed then."""

    def __init__(self, encoded: AsyncGenerator[bytes, None], reader_timeout_s: float) -> None:
        super().__init__(encoded, headers=_HEADERS)
        self._encoded = encoded
        self._reader_timeout_s = reader_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def timely(message: Message) -> None:
            async with asyncio.timeout(self._reader_timeout_s):
                await send(message)

        try:
            async with aclosing(self._encoded):
                await while_connected(receive, self.stream_response(timely))
        except ClientDisconnect:
            log.info("stream.left", path=scope["path"])
        except TimeoutError:
            log.info("stream.unread", path=scope["path"], seconds=self._reader_timeout_s)


async def _encoded(events: Events, keep_alive_s: float) -> AsyncGenerator[bytes, None]:
    loop = asyncio.get_running_loop()
    quiet_since = loop.time()
    async with aclosing(_with_pauses(events, keep_alive_s)) as paused:
        async for event in paused:
            if event is not None:
                yield _wire(event)
                quiet_since = loop.time()
            elif loop.time() - quiet_since >= keep_alive_s:
                yield format_sse_event(comment="alive")
                quiet_since = loop.time()


def _wire(event: SseEvent) -> bytes:
    data = event.data if isinstance(event.data, str) else json.dumps(event.data, ensure_ascii=False)
    return format_sse_event(data_str=data, event=event.name, id=event.id)


async def _with_error(events: Events, instance: str, name: str | None) -> Events:
    try:
        async with aclosing(events):
            async for event in events:
                yield event
    except CairnError as error:
        ERRORS.labels(error.code).inc()
        yield SseEvent(name, body_of(error, instance))
    except Exception:
        log.exception("stream.failed", path=instance)
        ERRORS.labels(CairnError.code).inc()
        yield SseEvent(name, unexpected(instance))


async def _with_pauses(events: Events, pause_s: float) -> Events:
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
        await events.aclose()
