"""`cairn mcp`: tools for assistants on this machine, over standard input and output."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp.server.mcpserver import Context

from app.cli.client import server
from app.client import AsyncCairn
from app.mcp import tools
from app.settings import Settings


def run(settings: Settings) -> None:
    """Until its input ends. Raises Failure, NoCredentials."""
    address, key = server(settings)

    @asynccontextmanager
    async def connected(context: Context[Any, Any]) -> AsyncIterator[AsyncCairn]:  # noqa: ARG001 - always the same person
        async with AsyncCairn(address, key) as client:
            yield client

    tools.server(connected).run("stdio")
