"""The same for programs on an event loop: it sends what `app.client.calls` makes."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Self, TypeVar

import httpx

from app.client import wire
from app.client.calls import Call
from app.client.errors import ClientError
from app.client.wire import Retries

T = TypeVar("T")


class AsyncCairn:
    """`transport`: another way to the server than the network, such as to one in this process."""

    def __init__(
        self,
        address: str,
        key: str | None,
        *,
        retries: Retries | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.address = address
        self._retries = retries or Retries()
        self._http = httpx.AsyncClient(**wire.options(address, key), transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def send(self, call: Call[T]) -> T:
        """Raises Problem, Unreachable."""
        for attempt in count(1):
            try:
                return await self._once(call)
            except ClientError as error:
                pause = self._retries.pause(attempt, call, error)
                if pause is None:
                    raise
            await asyncio.sleep(pause)
        raise AssertionError

    async def _once(self, call: Call[T]) -> T:
        try:
            with call.content() as content:
                response = await self._http.request(call.method, call.path, **content)
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise wire.unreachable(self.address, error) from error
        return wire.result(call, response)
