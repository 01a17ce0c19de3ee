"""Traces: what belongs together, over processes. OpenTelemetry's SDK makes the ids, and only where the operator names a
collector is anything recorded and sent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.observability.metrics import SPANS
from app.observability.requests import method_of, route_of
from pipelines.domain.errors import CairnError
from pipelines.trace_ports import Facts

log = structlog.get_logger()

_CARRIED = TraceContextTextMapPropagator()
_HEADER = "traceparent"
_PATH = "/v1/traces"
_EXPORT_TIMEOUT_S = 5
_UNWATCHED = ("/healthz", "/readyz", "/metrics")


class OtelSpan:
    """Span of pipelines/trace_ports.py."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def note(self, facts: Facts) -> None:
        self._span.set_attributes(facts)

    def answered(self, method: str, route: str, status: int) -> None:
        """A request under its route's template, with the status it was answered with."""
        self._span.update_name(f"{method} {route}")
        self.note({"http.route": route, "http.response.status_code": status})
        if status >= 500:
            self._span.set_status(StatusCode.ERROR)

    def fail(self, error: BaseException) -> None:
        cause = (
            error.__cause__ if isinstance(error.__cause__, CairnError) else error
        )  # as workflows wrap it for their engine
        code = cause.code if isinstance(cause, CairnError) else type(cause).__name__
        self._span.set_attribute("error.type", code)
        self._span.set_status(StatusCode.ERROR, code)

    def end(self, error: BaseException | None = None) -> None:
        if error is not None:
            self.fail(error)
        self._span.end()


class OtelTracer:
    """Tracer of pipelines/trace_ports.py. Without a collector its ids are good for logs, and nothing is recorded."""

    def __init__(self, collector_url: str | None, version: str) -> None:
        """Opens nothing. `collector_url`: of OTLP over HTTP, as http://collector:4318."""
        self._collector_url = collector_url
        # What the process's environment says beside it (OTEL_RESOURCE_ATTRIBUTES) names this installation.
        resource = Resource.create({"service.name": "cairn", "service.version": version})
        sampler = ParentBased(ALWAYS_ON) if collector_url else ALWAYS_OFF
        self._provider = TracerProvider(sampler=sampler, resource=resource, shutdown_on_exit=False)
        self._tracer = self._provider.get_tracer("cairn", version)

    @contextmanager
    def span(
        self,
        name: str,
        facts: Facts | None = None,
        *,
        parent: str | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> Iterator[OtelSpan]:
        begun = OtelSpan(span := self._tracer.start_span(name, _context(parent), kind, facts))
        with trace.use_span(span, record_exception=False, set_status_on_exception=False):
            try:
                yield begun
            except Exception as error:
                begun.fail(error)
                raise
            finally:
                span.end()

    def begin(self, name: str, facts: Facts | None = None) -> OtelSpan:
        return OtelSpan(self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=facts))

    def traceparent(self) -> str | None:
        carrier: dict[str, str] = {}
        _CARRIED.inject(carrier)
        return carrier.get(_HEADER)

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """While this lasts, spans go to the collector, from a thread of their own: nobody waits for it, and what does not fit
        into its line (2,048 spans) is dropped. No proxy of the environment is used."""
        if self._collector_url is None:
            yield
            return
        import requests  # here: most processes, each command among them, send nothing
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        session = requests.Session()
        session.trust_env = False
        exporter = OTLPSpanExporter(f"{self._collector_url}{_PATH}", timeout=_EXPORT_TIMEOUT_S, session=session)
        self._provider.add_span_processor(BatchSpanProcessor(_Announced(exporter)))
        try:
            yield
        finally:
            await asyncio.to_thread(self._provider.shutdown)
            session.close()


class _Announced(SpanExporter):
    """Says once that the collector is away, and once that it is back; OpenTelemetry's own word on each attempt is not heard."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._away = False
        logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        lost = result is not SpanExportResult.SUCCESS
        SPANS.labels("lost" if lost else "sent").inc(len(spans))
        if lost != self._away:
            (log.warning if lost else log.info)("traces.collector_away" if lost else "traces.collector_back")
        self._away = lost
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class RequestTraces:
    """ASGI middleware: a span for each request under its route's template, below the caller's where it says of one. The calls
    of the workflow engine have none: their steps have (app/services/job_record.py)."""

    def __init__(self, app: ASGIApp, tracer: OtelTracer, engine_path: str = "") -> None:
        self._app = app
        self._tracer = tracer
        self._unwatched = frozenset((*_UNWATCHED, engine_path))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].rstrip("/") in self._unwatched:
            await self._app(scope, receive, send)
            return
        parent = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), None)
        method = method_of(scope)
        with self._tracer.span(method, {"http.request.method": method}, parent=parent, kind=SpanKind.SERVER) as span:

            async def noted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.answered(method, route_of(scope), message["status"])
                await send(message)

            await self._app(scope, receive, noted)


def under_way() -> Mapping[str, str]:
    """trace_id and span_id of what is under way here, in hex; empty where nothing is."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {"trace_id": trace.format_trace_id(context.trace_id), "span_id": trace.format_span_id(context.span_id)}


def _context(parent: str | None) -> Context | None:
    """None: of what is under way here. What is no traceparent is none."""
    return None if parent is None else _CARRIED.extract({_HEADER: parent}, context=Context())
