"""A server that answers with what it is given, one after the other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

JSON = {"Content-Type": "application/json"}


class Reply(NamedTuple):
    """`cut`: the connection breaks off after the body, which was announced as longer."""

    status: int
    body: str = "{}"
    headers: dict[str, str] = JSON
    cut: bool = False


class Seen(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@contextmanager
def serving(*replies: Reply) -> Iterator[tuple[str, list[Seen]]]:
    """An address that answers with these, one after the other, and what it was sent."""
    seen: list[Seen] = []
    left = iter(replies)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            seen.append(Seen(self.command, self.path, dict(self.headers), body))
            reply = next(left)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body.encode()) + 100 * reply.cut))
            self.end_headers()
            self.wfile.write(reply.body.encode())

        do_POST = do_DELETE = do_GET

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()
