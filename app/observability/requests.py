"""Requests as Prometheus sees them."""

from __future__ import annotations

import time
from http import HTTPMethod

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.observability.metrics import REQUEST_SECONDS, REQUESTS

_METHODS = frozenset(HTTPMethod)


def method_of(scope: Scope) -> str:
    """A request's method, "OTHER" where it is none of HTTP's: whoever sends requests makes no names of series."""
    return str(scope["method"]) if scope["method"] in _METHODS else "OTHER"


def route_of(scope: Scope) -> str:
    """The template of the route that a request came to: /v1/documents/{document_id}; "unmatched" where it came to none.

    FastAPI 0.165 keeps the whole template of a route in a router in a router beside the route, which has its own part only.
    """
    whole = scope.get("fastapi", {}).get("effective_route_context")
    return str(getattr(whole or scope.get("route"), "path", "unmatched"))


class RequestMetrics:
    """ASGI middleware: one count and one time a request, under the route's template."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, method = time.perf_counter(), method_of(scope)

        async def observed(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = route_of(scope)
                REQUESTS.labels(method, route, message["status"]).inc()
                REQUEST_SECONDS.labels(method, route).observe(time.perf_counter() - started)
            await send(message)

        await self._app(scope, receive, observed)
