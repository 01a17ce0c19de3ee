"""An answer is worth nothing to a client that has gone: the work for it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive

T = TypeVar("T")
_UNWATCHED_S = 0.05  # most work ends before anybody could have left


async def while_connected(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """The work's result. Cancels it when the client leaves (ClientDisconnect). The body must have been read before."""
    working = asyncio.ensure_future(work)
    watched: list[asyncio.Future[Any]] = [working]
    try:
        await asyncio.wait(watched, timeout=_UNWATCHED_S)
        if not working.done():
            watched.append(asyncio.ensure_future(_left(receive)))
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientDisconnect
    finally:
        going = [task for task in watched if task.cancel()]
        await asyncio.gather(*going, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
