"""POST /mcp: the Model Context Protocol over streamable HTTP. One message a request, and nothing kept between two: any process
of a cluster may be asked.

A message is a request of its sender like any other: it needs the same key and is charged once. Its tools then take the same
routes as everybody, inside this process.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import APIRouter, FastAPI, Request, Response
from mcp.server.mcpserver import Context
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.auth import Reader
from app.api.headers import CHARGED
from app.client import AsyncCairn, Retries
from app.mcp import tools

PATH = "/mcp"
HEADERS = ("Mcp-Protocol-Version", "Mcp-Method", "Mcp-Name", "Mcp-Session-Id")  # that its clients send

router = APIRouter()


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[None]:
    """For as long as the application runs."""
    server = tools.server(_Inside(app).as_the_sender, app.version)
    server.streamable_http_app(
        stateless_http=True,
        json_response=True,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),  # KnownHosts, and keys
    )
    async with server.session_manager.run():
        app.state.mcp = server.session_manager.handle_request
        yield


@router.post(PATH, include_in_schema=False)  # JSON-RPC: its own way of describing itself
async def message(request: Request, principal: Reader) -> Response:  # noqa: ARG001 - who may read may ask
    return _Handled(request.app.state.mcp)


class _Handled(Response):
    """Whatever the protocol answers."""

    def __init__(self, handler: ASGIApp) -> None:
        super().__init__()
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._handler(scope, receive, send)


class _Inside:
    """The way from a tool to the routes of the same application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    @asynccontextmanager
    async def as_the_sender(self, context: Context[Any, Any]) -> AsyncIterator[AsyncCairn]:
        sender = context.request_context.request
        assert isinstance(sender, Request)
        key = sender.headers["authorization"].partition(" ")[2]

        async def charged_before(scope: Scope, receive: Receive, send: Send) -> None:
            await self._app({**scope, CHARGED: sender.scope[CHARGED]}, receive, send)

        address = (sender.client.host, sender.client.port) if sender.client else ("", 0)
        transport = httpx.ASGITransport(charged_before, raise_app_exceptions=False, client=address)
        async with AsyncCairn("http://localhost", key, retries=Retries(attempts=1), transport=transport) as client:
            yield client
