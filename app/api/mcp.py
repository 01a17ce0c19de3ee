"""POST /mcp: the Model Context Protocol over streamable HTTP. One message a request, and nothing kept between two: any process
of a cluster may be asked.

A message is a request of its sender like any other: it needs the same key and is charged once. Its tools then take the same
routes as everybody, inside this process.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
from fastapi import APIRouter, FastAPI, Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.auth import Reader
from app.api.headers import CHARGED
from app.client import AsyncCairn, Retries

if TYPE_CHECKING:
    from mcp.server.mcpserver import Context, MCPServer

PATH = "/mcp"
HEADERS = ("Mcp-Protocol-Version", "Mcp-Method", "Mcp-Name", "Mcp-Session-Id")  # that its clients send

router = APIRouter()


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[None]:
    """For as long as the application runs."""
    app.state.mcp = _Protocol(app)
    open_when_asked = asyncio.create_task(app.state.mcp.run())
    try:
        yield
    finally:
        open_when_asked.cancel()
        await asyncio.gather(open_when_asked, return_exceptions=True)


@router.post(PATH, include_in_schema=False)  # JSON-RPC: its own way of describing itself
async def message(request: Request, principal: Reader) -> Response:  # noqa: ARG001 - who may read may ask
    protocol: _Protocol = request.app.state.mcp
    return _Handled(await protocol.handler())


class _Protocol:
    """Opens at the first message: its package takes half a second to load, which a start need not wait for."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._asked = asyncio.Event()
        self._handler: asyncio.Future[ASGIApp] = asyncio.get_running_loop().create_future()

    async def handler(self) -> ASGIApp:
        self._asked.set()
        return await asyncio.shield(self._handler)

    async def run(self) -> None:
        """Until it is cancelled."""
        await self._asked.wait()
        try:
            manager = (await asyncio.to_thread(_built, self._app)).session_manager
        except Exception as error:  # whoever waits is told
            self._handler.set_exception(error)
            raise
        async with manager.run():
            self._handler.set_result(manager.handle_request)
            await asyncio.Event().wait()


def _built(app: FastAPI) -> MCPServer[Any]:
    from mcp.server.transport_security import TransportSecuritySettings

    from app.mcp import tools

    server = tools.server(_Inside(app).as_the_sender, app.version)
    server.streamable_http_app(
        stateless_http=True,
        json_response=True,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),  # KnownHosts, and keys
    )
    return server


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
