"""The HTTP application, given its use cases when it starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from app.api import description, errors, mcp, sse
from app.api.engine_calls import FreshCalls
from app.api.headers import AnswerHeaders
from app.api.limits import BodyLimit, KnownHosts
from app.api.openai import routes as openai
from app.api.routes import (
    admin,
    answer_records,
    answers,
    audit,
    bundles,
    collections,
    conversations,
    documents,
    erasure_orders,
    erasures,
    evaluations,
    feedback,
    health,
    jobs,
    keys,
    me,
    privacy,
    revealing,
    sign_in,
    sources,
)
from app.api.sse import StreamLimits
from app.observability.requests import RequestMetrics
from app.observability.traces import OtelTracer, RequestTraces

DESCRIPTION = "Ask questions of your own documents, on your own hardware, with every sentence cited."
ROUTERS = tuple(
    module.router
    for module in (
        *(answers, openai),  # a path is looked for in this order: questions do not wait for the others
        *(documents, bundles, jobs, erasures, erasure_orders, evaluations, collections, privacy, revealing, sources),
        *(answer_records, conversations, feedback, me, sign_in, keys, audit, admin, health, mcp),
    )
)
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class Edge:
    """What requests are held to before a route sees them. Without `origins` no page of another site may call."""

    max_upload_bytes: int
    max_files: int
    streams: StreamLimits
    body_timeout_s: float = 30
    origins: Sequence[str] = ()
    hosts: Sequence[str] = ()
    engine_path: str = ""  # at which the workflow engine calls
    tracer: OtelTracer | None = None


def build(lifespan: Lifespan, edge: Edge) -> FastAPI:
    """`lifespan` sets `app.state.services` (a Services) before it yields. A larger request is refused while it comes in."""
    app = FastAPI(
        title="Cairn",
        description=DESCRIPTION,
        lifespan=lifespan,
        form_limits={"max_files": edge.max_files},
        docs_url=None,  # the pages that FastAPI offers load their scripts from elsewhere
        redoc_url=None,
    )
    app.add_middleware(BodyLimit, max_upload_bytes=edge.max_upload_bytes, timeout_s=edge.body_timeout_s)
    if edge.engine_path:
        app.add_middleware(FreshCalls, path=edge.engine_path)
    if edge.hosts:
        app.add_middleware(KnownHosts, hosts=edge.hosts)
    if edge.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=edge.origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", *mcp.HEADERS],
            expose_headers=["X-Cairn-Cache", "Retry-After", "RateLimit", "RateLimit-Policy"],
        )
    app.add_middleware(AnswerHeaders)
    if edge.tracer:
        app.add_middleware(RequestTraces, tracer=edge.tracer, engine_path=edge.engine_path)
    app.add_middleware(RequestMetrics)
    errors.install(app)
    sse.limit(app, edge.streams)
    for router in ROUTERS:
        app.include_router(router)
    description.install(app)
    return app
