"""What may change while the server runs: a few settings are read again at SIGHUP, from the same places as at the start.

The environment of a running process does not change: what is to be reloaded stands in the file that CAIRN_CONFIG names.
Everything else needs a new process, which a rolling restart gives without a failed request (docs/operations.md).
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from app.observability import logs
from app.services.bundle import Services
from app.services.limits import DAY_S, MINUTE_S, Rates
from app.services.quotas import Quotas
from app.settings import Settings, SettingsError, load

log = structlog.get_logger()

RELOADED = (
    "log_level",
    "key_requests_per_minute",
    "tenant_requests_per_minute",
    "key_questions_per_day",
    "tenant_questions_per_day",
    "key_tokens_per_day",
    "tenant_tokens_per_day",
    "tenant_documents",
    "tenant_bytes",
)
_OPTIONS = ("host", "port", "data_dir")  # the command line says them, and is not read again


def rates(settings: Settings) -> tuple[Rates, Rates, Rates]:
    """Of requests, of questions, of tokens."""
    return (
        Rates("requests", MINUTE_S, settings.key_requests_per_minute, settings.tenant_requests_per_minute),
        Rates("questions", DAY_S, settings.key_questions_per_day, settings.tenant_questions_per_day),
        Rates("tokens", DAY_S, settings.key_tokens_per_day, settings.tenant_tokens_per_day),
    )


def quotas(settings: Settings) -> Quotas:
    return Quotas(settings.tenant_documents, settings.tenant_bytes)


class Reloading:
    """All of what is reloaded or, when the settings cannot be used, nothing."""

    def __init__(self, settings: Settings, services: Services) -> None:
        self._settings = settings
        self._services = services

    def reload(self) -> None:
        try:
            read = load()
        except SettingsError as error:
            log.error("settings.refused", why=str(error))
            return
        new = {name for name in Settings.model_fields if getattr(read, name) != getattr(self._settings, name)}
        changed = sorted(new & set(RELOADED))
        self._settings = self._settings.model_copy(update={name: getattr(read, name) for name in changed})
        self._services.limits.hold_to(*rates(self._settings))
        self._services.documents.hold_to(quotas(self._settings))
        logs.set_level(self._settings.log_level)
        waiting = sorted(new - set(RELOADED) - set(_OPTIONS))
        log.info("settings.reloaded", changed=changed, need_a_restart=waiting)

    @contextmanager
    def at_signal(self) -> Iterator[None]:
        """Only where the server has the process to itself; elsewhere nothing reloads."""
        loop = asyncio.get_running_loop()
        try:
            loop.add_signal_handler(signal.SIGHUP, self.reload)
        except (NotImplementedError, RuntimeError, ValueError):  # another system, another thread
            yield
            return
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGHUP)
