"""A limit on what a request may bring, kept while it comes in."""

from __future__ import annotations

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

UPLOADS = "/v1/documents"
MAX_BODY_BYTES = 40 * 1024 * 1024  # more than an engine's run may bring (32 MiB)


class BodyLimit:
    """ASGI middleware. A body that says it is too large is refused unread; one that proves to be, where it does so.

    Files are sent to `UPLOADS`; elsewhere a body is JSON, which takes many times its size once it is read. The refusal is
    raised where the route reads the body, so that it becomes a problem document like any other.
    """

    def __init__(self, app: ASGIApp, max_upload_bytes: int) -> None:
        self._app = app
        self._max_upload_bytes = max_upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._max_upload_bytes if scope["path"].startswith(UPLOADS) else MAX_BODY_BYTES
        announced = Headers(scope=scope).get("content-length", "0")
        received = int(announced) if announced.isdecimal() and int(announced) > most else 0

        async def limited() -> Message:
            nonlocal received
            _check(received, most)
            message = await receive()
            received += len(message.get("body", b""))
            _check(received, most)
            return message

        await self._app(scope, limited, send)


def _check(received: int, most: int) -> None:
    if received > most:
        detail = f"A request may have {most:,} bytes at most."
        raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, {"Connection": "close"})
