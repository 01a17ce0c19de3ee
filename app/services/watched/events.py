"""Events carry the trace that they are part of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipelines.domain.jobs import OutboxEvent
from pipelines.ports import EventSender
from pipelines.trace_ports import Facts, Tracer


@dataclass(frozen=True, slots=True)
class WatchedEvents:
    """An EventSender around another. One that the sweeper sends later begins a trace of its own."""

    sender: EventSender
    tracer: Tracer

    async def send(self, events: Sequence[OutboxEvent]) -> None:
        facts: Facts = {"messaging.system": "inngest", "messaging.batch.message_count": len(events)}
        with self.tracer.span(f"send {events[0].name}" if len(events) == 1 else "send events", facts):
            carried = {"traceparent": self.tracer.traceparent()}
            await self.sender.send([replace(event, data={**event.data, **carried}) for event in events])
