"""The HTTP application, given its use cases when it starts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from fastapi import FastAPI

from app.api import errors
from app.api.limits import BodyLimit
from app.api.routes import answers, collections, documents, health, jobs
from app.observability.metrics import RequestMetrics

DESCRIPTION = "Ask questions of your own documents, on your own hardware, with every sentence cited."
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def build(lifespan: Lifespan, *, max_upload_bytes: int, max_files: int) -> FastAPI:
    """`lifespan` sets `app.state.services` (a Services) before it yields. A larger request is refused while it comes in."""
    app = FastAPI(
        title="Cairn",
        description=DESCRIPTION,
        lifespan=lifespan,
        form_limits={"max_files": max_files},
        docs_url=None,  # the pages that FastAPI offers load their scripts from elsewhere
        redoc_url=None,
    )
    app.add_middleware(BodyLimit, max_bytes=max_upload_bytes)
    app.add_middleware(RequestMetrics)
    errors.install(app)
    for module in (documents, jobs, collections, answers, health):
        app.include_router(module.router)
    return app
