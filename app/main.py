"""The server."""

from __future__ import annotations

import os
import sys

import uvicorn
from fastapi import FastAPI

from app.bootstrap import assemble
from app.observability import logs
from app.settings import Settings, load


def create_app(settings: Settings | None = None) -> FastAPI:
    """For any ASGI server: `uvicorn --factory app.main:create_app`. One process on one data folder."""
    return assemble(settings or load()).application()


def serve(settings: Settings) -> None:
    """Runs until it is told to stop."""
    logs.configure(settings.log_level, settings.log_format)
    app = create_app(settings)
    sys.stderr.write(f"Cairn on {settings.address} (pid {os.getpid()}), data in {settings.data_dir.resolve()}\n")
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
