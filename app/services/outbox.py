"""Events leave the catalog for the workflow engine: at once when it can, from the sweeper when it could not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from app.observability.metrics import UNSENT_EVENTS
from pipelines.domain.errors import DependencyUnavailable
from pipelines.domain.jobs import OutboxEvent
from pipelines.ports import Catalog, EventSender

log = structlog.get_logger()


class Outbox:
    """An event is sent at least once; its deterministic id makes the engine run it once."""

    def __init__(self, catalog: Catalog, sender: EventSender, *, timeout_s: float = 2, batch: int = 100):
        self._catalog = catalog
        self._sender = sender
        self._timeout_s = timeout_s
        self._batch = batch

    async def dispatch(self, events: Sequence[OutboxEvent]) -> bool:
        """Sends events that are committed. False when the engine did not take them now: the sweeper will send them."""
        if not events:
            return True
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._sender.send(events)
        except (DependencyUnavailable, TimeoutError) as error:
            UNSENT_EVENTS.inc(len(events))
            log.warning("outbox.engine_unavailable", events=len(events), error=type(error).__name__)
            return False
        await asyncio.to_thread(self._mark_sent, events)
        return True

    async def sweep(self) -> dict[str, int]:
        """Sends what is waiting, oldest first."""
        sent = 0
        while events := await asyncio.to_thread(self._pending):
            if not await self.dispatch(events):
                break
            sent += len(events)
        return {"sent": sent}

    def _pending(self) -> list[OutboxEvent]:
        with self._catalog.read() as uow:
            return uow.outbox.pending(self._batch)

    def _mark_sent(self, events: Sequence[OutboxEvent]) -> None:
        with self._catalog.begin() as uow:
            uow.outbox.sent([event.id for event in events])
