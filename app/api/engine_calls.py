"""Calls of the workflow engine are taken when they are made, and once. Whether they are signed by it, its SDK looks."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import parse_qs

import structlog
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.errors import problem

log = structlog.get_logger()

_SIGNATURE = "x-inngest-signature"
_FRESH_S = 300  # as Inngest's SDK for JavaScript has it; the one for Python looks at no time
_REMEMBERED = 100_000


class FreshCalls:
    """ASGI middleware. At `path`, a signature older than five minutes, or one that came before for the same step, opens nothing:
    who has heard a call must not be able to repeat it. Every attempt of the engine is signed anew."""

    def __init__(self, app: ASGIApp, path: str, clock: Callable[[], float] = time.time) -> None:
        self._app = app
        self._path = path
        self._clock = clock
        self._seen: OrderedDict[tuple[str, bytes, str], float] = OrderedDict()  # when they came

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        signature = Headers(scope=scope).get(_SIGNATURE) if self._is_call(scope) else None
        if signature is None or self._first(signature, scope["query_string"], scope["method"]):
            await self._app(scope, receive, send)
            return
        log.warning("engine.call_refused", path=scope["path"])
        detail = "This call was made before, or too long ago."
        body = problem(HTTPStatus.UNAUTHORIZED, "stale_call", detail, scope["path"])
        await JSONResponse(body, HTTPStatus.UNAUTHORIZED, media_type="application/problem+json")(scope, receive, send)

    def _is_call(self, scope: Scope) -> bool:
        return bool(scope["type"] == "http" and scope["path"].rstrip("/") == self._path)

    def _first(self, signature: str, query: bytes, method: str) -> bool:
        said, now = parse_qs(signature), self._clock()
        signed_at, mac = said.get("t", [""])[0], said.get("s", [""])[0]
        if not (signed_at.isascii() and signed_at.isdecimal() and len(signed_at) < 12):
            return False
        while self._seen and (len(self._seen) >= _REMEMBERED or next(iter(self._seen.values())) < now - 2 * _FRESH_S):
            self._seen.popitem(last=False)
        call = mac, query, method
        if abs(now - int(signed_at)) > _FRESH_S or call in self._seen:
            return False
        self._seen[call] = now
        return True
