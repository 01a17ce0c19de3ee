"""The HTTP application, given its use cases when it starts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from fastapi import FastAPI

from app.api import description, errors, sse
from app.api.limits import BodyLimit
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
    erasures,
    evaluations,
    feedback,
    health,
    jobs,
    keys,
    sources,
)
from app.api.sse import StreamLimits
from app.observability.metrics import RequestMetrics

DESCRIPTION = "Ask questions of your own documents, on your own hardware, with every sentence cited."
ROUTERS = tuple(
    module.router
    for module in (
        *(answers, openai),  # a path is looked for in this order: questions do not wait for the others
        *(documents, bundles, jobs, erasures, evaluations, collections, sources),
        *(answer_records, conversations, feedback, keys, audit, admin, health),
    )
)
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def build(lifespan: Lifespan, *, max_upload_bytes: int, max_files: int, streams: StreamLimits) -> FastAPI:
    """`lifespan` sets `app.state.services` (a Services) before it yields. A larger request is refused while it comes in."""
    app = FastAPI(
        title="Cairn",
        description=DESCRIPTION,
        lifespan=lifespan,
        form_limits={"max_files": max_files},
        docs_url=None,  # the pages that FastAPI offers load their scripts from elsewhere
        redoc_url=None,
    )
    app.add_middleware(BodyLimit, max_upload_bytes=max_upload_bytes)
    app.add_middleware(RequestMetrics)
    errors.install(app)
    sse.limit(app, streams)
    for router in ROUTERS:
        app.include_router(router)
    description.install(app)
    return app
