"""The server for any ASGI runner: `uvicorn --factory app.main:create_app`, one process on one data folder."""

from __future__ import annotations

from fastapi import FastAPI

from app.bootstrap import assemble, secrets_of
from app.observability import logs
from app.settings import load


def create_app() -> FastAPI:
    """Raises SettingsError, ConfigurationError."""
    settings = load()
    logs.configure(settings.log_level, settings.log_format, secrets_of(settings))
    return assemble(settings).application()
