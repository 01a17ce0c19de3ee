"""The Inngest SDK's client, as the way to send events and to make the app known to an Inngest server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import httpx
import inngest
import structlog
from starlette.types import ASGIApp

from pipelines.domain.errors import DependencyUnavailable
from pipelines.domain.jobs import OutboxEvent

log = structlog.get_logger()

SERVE_PATH = "/api/inngest"
APP_ID = "cairn"


class InngestEvents:
    """EventSender over a client."""

    def __init__(self, client: inngest.Inngest) -> None:
        self._client = client

    async def send(self, events: Sequence[OutboxEvent]) -> None:
        batch = [inngest.Event(id=event.id, name=event.name, data=dict(event.data)) for event in events]  # type: ignore[arg-type]
        try:
            await self._client.send(batch)
        except Exception as error:  # the SDK's errors have no public ancestor but Exception
            raise DependencyUnavailable(
                f"The workflow engine did not take the events ({type(error).__name__})."
            ) from error


def server_client(
    *, dev: str | None, base_url: str | None, event_key: str | None, signing_key: str | None
) -> inngest.Inngest:
    """A client of an Inngest server: the dev server when `dev` is set (its URL, or anything for the default one)."""
    url = dev if dev and dev.startswith("http") else base_url
    return inngest.Inngest(
        app_id=APP_ID,
        is_production=dev is None,
        api_base_url=url,
        event_api_base_url=url,
        event_key=event_key,
        signing_key=signing_key,
        logger=logging.getLogger("workflows.inngest"),
    )


def embedded_client(event_key: str, signing_key: str) -> inngest.Inngest:
    """A client for the embedded executor, which takes over its connections: the address is never called."""
    return inngest.Inngest(
        app_id=APP_ID,
        is_production=True,
        api_base_url="http://embedded.localhost",
        event_api_base_url="http://embedded.localhost",
        event_key=event_key,
        signing_key=signing_key,
        logger=logging.getLogger("workflows.inngest"),
    )


async def ping(base_url: str) -> None:
    """Raises DependencyUnavailable when the Inngest server at this address is not well."""
    try:
        async with httpx.AsyncClient(timeout=2, trust_env=False) as http:
            (await http.get(f"{base_url.rstrip('/')}/health")).raise_for_status()
    except httpx.HTTPError as error:
        raise DependencyUnavailable(f"The Inngest server does not answer ({type(error).__name__}).") from error


async def register(app: ASGIApp, address: str, *, retry_s: float = 5) -> None:
    """Makes the functions known to the server, until it says that it took them.

    The SDK answers 200 even when the server refuses: its own words in the body decide.
    """
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=address, timeout=30) as http:
        while True:
            try:
                response = await http.put(SERVE_PATH)
                if response.is_success and response.json().get("ok", True) and "error" not in response.text.lower():
                    log.info("inngest.registered", address=address)
                    return
                log.warning("inngest.registration_refused", status=response.status_code, answer=response.text[:300])
            except (httpx.HTTPError, ValueError) as error:
                log.warning("inngest.unreachable", error=type(error).__name__)
            await asyncio.sleep(retry_s)
