"""A collector of traces that speaks OTLP over HTTP (opentelemetry-proto), and keeps what it is sent."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

_PATIENCE_S = 90


@dataclass(frozen=True)
class Span:
    """Ids in hex; `parent_id` "" where there is none."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    facts: dict[str, object]
    error: str


@dataclass
class Collector:
    port: int = 0
    spans: list[Span] = field(default_factory=list)
    resources: list[dict[str, object]] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def take(self, body: bytes) -> None:
        with self.arrived:
            for part in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.resources.append(_facts(part.resource.attributes))
                self.spans += [
                    Span(
                        each.name,
                        each.trace_id.hex(),
                        each.span_id.hex(),
                        each.parent_span_id.hex(),
                        _facts(each.attributes),
                        each.status.message,
                    )
                    for scope in part.scope_spans
                    for each in scope.spans
                ]
            self.arrived.notify_all()

    def wait(self, enough: Callable[[list[Span]], bool]) -> list[Span]:
        """All spans, once there are enough of them."""
        deadline = time.monotonic() + _PATIENCE_S
        with self.arrived:
            while not enough(self.spans):
                left = deadline - time.monotonic()
                assert left > 0, sorted(span.name for span in self.spans)
                self.arrived.wait(left)
            return list(self.spans)


@contextmanager
def running() -> Iterator[Collector]:
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.path == "/v1/traces", self.path
            assert self.headers["content-type"] == "application/x-protobuf"
            collector.take(body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing: a test's output is the test's."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


@contextmanager
def silent() -> Iterator[tuple[str, Callable[[], int]]]:
    """The address of one that takes connections and never answers, and how many came so far."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    held.append(listener.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", lambda: len(held)
        for connection in held:
            connection.close()


def _facts(attributes: object) -> dict[str, object]:
    return {each.key: _value(each.value) for each in attributes}  # type: ignore[attr-defined]


def _value(value: AnyValue) -> object:
    return getattr(value, value.WhichOneof("value") or "string_value")
