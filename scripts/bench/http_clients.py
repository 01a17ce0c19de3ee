"""Many clients of one server in one process, lean enough that it is the server that is measured: HTTP/1.1 on kept connections."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float


class Connection:
    """One client. Opens its connection again when the server has closed it."""

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        self._address = parts.hostname or "", parts.port or 80
        self._head = f"Host: {parts.netloc}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: object) -> Reply:
        content = json.dumps(body).encode()
        request = f"POST {path} HTTP/1.1\r\n{self._head}Content-Length: {len(content)}\r\n\r\n".encode() + content
        began = time.perf_counter()
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._address)
        reader, writer = self._streams
        writer.write(request)
        status_line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        received = await self._body(reader, headers)
        reply = Reply(int(status_line.split()[1]), headers, received, time.perf_counter() - began)
        if headers.get("connection") == "close":
            self.close()
        return reply

    async def _body(self, reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return await reader.readexactly(int(headers.get("content-length", 0)))
        received = b""
        while size := int((await reader.readuntil(b"\r\n"))[:-2], 16):
            received += (await reader.readexactly(size + 2))[:-2]
        await reader.readexactly(2)
        return received

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def ask_for(
    url: str,
    key: str,
    *,
    clients: int,
    seconds: float,
    question: Callable[[random.Random], tuple[str, object]],
    each_waits_s: float = 0,
) -> list[Reply]:
    """The replies to so many clients, each asking again at once, or after a time that is drawn with that mean."""
    replies: list[Reply] = []
    ends = time.perf_counter() + seconds

    async def client(number: int) -> None:
        draw, connection = random.Random(number), Connection(url, key)
        while True:
            if each_waits_s:
                await asyncio.sleep(draw.expovariate(1 / each_waits_s))
            if time.perf_counter() >= ends:
                break
            replies.append(await connection.post(*question(draw)))
        connection.close()

    await asyncio.gather(*(client(number) for number in range(clients)))
    return replies


def summary(seconds: list[float], took_s: float) -> dict[str, float]:
    p50, p99 = np.percentile(seconds, [50, 99]) * 1000
    return {"p50_ms": round(float(p50), 2), "p99_ms": round(float(p99), 2), "per_s": round(len(seconds) / took_s)}
