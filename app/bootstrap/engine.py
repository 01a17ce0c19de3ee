"""What runs the workflows."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import inngest
from fastapi import FastAPI
from pydantic import SecretStr

from app.adapters import inngest_client
from app.observability.metrics import JOURNAL_COMMIT_SECONDS, JOURNAL_TRANSACTIONS
from app.settings import Settings
from workflows.embedded import EmbeddedExecutor
from workflows.embedded import Limits as ExecutorLimits

_INTERRUPTIONS = 20  # deaths of the server under one step before its document is suspected


@dataclass(frozen=True, slots=True)
class Engine:
    """An Inngest server, or the embedded executor."""

    client: inngest.Inngest
    executor: EmbeddedExecutor | None

    @classmethod
    def of(cls, settings: Settings) -> Engine:
        if settings.external_engine:
            client = inngest_client.server_client(
                dev=settings.inngest_dev,
                base_url=settings.inngest_base_url,
                event_key=_revealed(settings.inngest_event_key),
                signing_key=_revealed(settings.inngest_signing_key),
            )
            return cls(client, None)
        event_key, signing_key = secrets.token_hex(16), f"signkey-embedded-{secrets.token_hex(32)}"
        journal = settings.data_dir.resolve() / "workflows.sqlite3"
        executor = EmbeddedExecutor(
            journal,
            event_key=event_key,
            signing_key=signing_key,
            limits=ExecutorLimits(interruptions=_INTERRUPTIONS),
            timed=_timed,
        )
        client = inngest_client.embedded_client(event_key, signing_key)
        executor.attach(client)
        return cls(client, executor)

    @property
    def unsearchable(self) -> tuple[str, ...]:
        """What a search for remains of a deleted document cannot see, in words."""
        if self.executor is not None:
            return ()
        return ("The Inngest server keeps its own record of runs, which is given no text; it was not searched.",)

    @asynccontextmanager
    async def running(self, app: FastAPI, address: str) -> AsyncIterator[None]:
        if self.executor is not None:
            async with self.executor.serving(app, inngest_client.SERVE_PATH):
                yield
            return
        registration = asyncio.create_task(inngest_client.register(app, address))
        try:
            yield
        finally:
            registration.cancel()
            with suppress(asyncio.CancelledError):
                await registration


def _timed(seconds: float, transactions: int) -> None:
    JOURNAL_COMMIT_SECONDS.observe(seconds)
    JOURNAL_TRANSACTIONS.inc(transactions)


def _revealed(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
