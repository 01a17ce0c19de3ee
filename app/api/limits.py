"""Limits on what a request may bring and how long it may take to, kept while it comes in."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import problem

UPLOADS = "/v1/documents"
MAX_BODY_BYTES = 40 * 1024 * 1024  # more than an engine's run may bring (32 MiB)
_SLOWEST = 4 * 1024  # bytes a second


class BodyLimit:
    """ASGI middleware. A body that says it is too large is refused unread; one that proves to be, where it does so; and one
    that is silent for `timeout_s`, or that much behind the slowest that a body may be.

    Files are sent to `UPLOADS`; elsewhere a body is JSON, which takes many times its size once it is read. The refusal is
    raised where the route reads the body, so that it becomes a problem document like any other.
    """

    def __init__(self, app: ASGIApp, max_upload_bytes: int, timeout_s: float) -> None:
        self._app = app
        self._max_upload_bytes = max_upload_bytes
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._max_upload_bytes if scope["path"].startswith(UPLOADS) else MAX_BODY_BYTES
        announced = Headers(scope=scope).get("content-length", "0")
        received = int(announced) if announced.isdecimal() and int(announced) > most else 0
        whole, began = False, asyncio.get_running_loop().time()

        async def limited() -> Message:
            nonlocal received, whole
            if whole:  # what comes now is that the client leaves
                return await receive()
            _check(received, most)
            message = await self._in_time(receive, began + received / _SLOWEST)
            received += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            _check(received, most)
            return message

        await self._app(scope, limited, send)

    async def _in_time(self, receive: Receive, due: float) -> Message:
        """`due`: when what was received should have been, at the slowest."""
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(min(now, due) + self._timeout_s):
                return await receive()
        except TimeoutError:
            detail = (
                f"The body was silent for {self._timeout_s:g} seconds, or that far behind {_SLOWEST:,} bytes a second."
            )
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, detail, {"Connection": "close"}) from None


class KnownHosts:
    """ASGI middleware. A request for another host than these is refused: it was meant for another server, or by a page that
    had its own name point here. `localhost` is always known: no other name can be made to say that."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self._app = app
        self._hosts = {"localhost", *(host.lower() for host in hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._known(Headers(scope=scope).getlist("host")):
            detail = "The server is not called by this name."
            body = problem(HTTPStatus.MISDIRECTED_REQUEST, "unknown_host", detail, scope["path"])
            response = JSONResponse(body, HTTPStatus.MISDIRECTED_REQUEST, media_type="application/problem+json")
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _known(self, given: Sequence[str]) -> bool:
        if len(given) != 1:
            return False
        host = given[0].lower()
        name, _, port = host.rpartition(":")
        return host in self._hosts or (name in self._hosts and port.isdecimal())


def _check(received: int, most: int) -> None:
    if received > most:
        detail = f"A request may have {most:,} bytes at most."
        raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, {"Connection": "close"})
