"""A limit on what a request may bring, kept while it comes in."""

from __future__ import annotations

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """ASGI middleware. A body that says it is too large is refused unread; one that proves to be, where it does so.

    The refusal is raised where the route reads the body, so that it becomes a problem document like any other.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        received = int(announced) if announced.isdecimal() and int(announced) > self._max_bytes else 0

        async def limited() -> Message:
            nonlocal received
            self._check(received)
            message = await receive()
            received += len(message.get("body", b""))
            self._check(received)
            return message

        await self._app(scope, limited, send)

    def _check(self, received: int) -> None:
        if received > self._max_bytes:
            detail = f"A request may have {self._max_bytes:,} bytes at most."
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, {"Connection": "close"})
