"""A stream to a reader that is slow, stalls or leaves, over a real server and a real socket."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request, Response

from app.api import sse
from app.api.sse import SseEvent, StreamLimits
from pipelines.domain.errors import IndexUnavailable

EVENT_BYTES = 100_000
REQUEST = b"GET / HTTP/1.1\r\nHost: cairn\r\n\r\n"


@dataclass
class Endless:
    """A stream that never ends by itself."""

    made: int = 0
    closed: threading.Event = field(default_factory=threading.Event)

    async def events(self) -> AsyncGenerator[SseEvent | None, None]:
        try:
            while True:
                self.made += 1
                yield SseEvent("delta", {"text": "x" * EVENT_BYTES}, str(self.made))
        finally:
            self.closed.set()


@contextmanager
def _served(endless: Endless, limits: StreamLimits) -> Iterator[socket.socket]:
    """A connection on which the stream was asked for, and nothing was read."""
    app = FastAPI()
    sse.limit(app, limits)

    @app.get("/")
    async def root(request: Request) -> Response:
        return sse.stream(endless.events(), request)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            with socket.create_connection(listener.getsockname()) as client:
                client.sendall(REQUEST)
                yield client
        finally:
            server.should_exit = server.force_exit = True
            thread.join(timeout=10)


def _settled(endless: Endless) -> int:
    """How many events were made once no more are."""
    while True:
        before = endless.made
        time.sleep(0.3)
        if endless.made == before > 0:
            return before


def test_a_reader_that_stalls_stalls_the_stream_and_is_left_in_the_end() -> None:
    endless = Endless()
    with _served(endless, StreamLimits(keep_alive_s=15, reader_timeout_s=2)):
        made = _settled(endless)
        assert made * EVENT_BYTES < 20e6  # what the kernel keeps for a connection, and no more
        assert not endless.closed.is_set()
        assert endless.closed.wait(10)
        assert endless.made == made


def test_a_reader_that_reads_on_gets_on(monkeypatch: pytest.MonkeyPatch) -> None:
    endless = Endless()
    with _served(endless, StreamLimits(reader_timeout_s=30)) as client:
        made = _settled(endless)
        for _ in range(200):
            client.recv(1_000_000)
        assert endless.made > made


def test_a_reader_that_leaves_ends_the_stream() -> None:
    endless = Endless()
    with _served(endless, StreamLimits(reader_timeout_s=60)) as client:
        _settled(endless)
        client.close()
        assert endless.closed.wait(10)


@pytest.mark.parametrize(
    ("error", "code"),
    [(IndexUnavailable("It is gone."), "index_unavailable"), (ValueError("secret"), "internal")],
)
@pytest.mark.parametrize("path", ["/v1/query", "/v1/chat/completions"])
async def test_a_stream_that_fails_ends_in_one_error_with_its_code(path: str, error: Exception, code: str) -> None:
    app = FastAPI()
    sse.limit(app, StreamLimits())

    async def failing() -> AsyncGenerator[SseEvent | None, None]:
        yield SseEvent("delta", {"text": "So far."})
        raise error

    @app.get(path)
    async def root(request: Request) -> Response:
        return sse.stream(failing(), request, error_name="error" if "query" in path else None)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://cairn") as client:
        first, last, rest = (await client.get(path)).text.split("\n\n")
    assert first.startswith("event: delta")
    assert rest == ""
    body = json.loads(last.partition("data: ")[2])
    assert (body["error"] if "chat" in path else body)["code"] == code
    assert "secret" not in last
