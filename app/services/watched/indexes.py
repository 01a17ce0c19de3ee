"""Searches in the two indexes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.services.own_words import Worded
from app.services.resting import Nearest
from pipelines.domain.documents import Generation
from pipelines.domain.views import Selection
from pipelines.ports import Hit, Vectors
from pipelines.trace_ports import Tracer


@dataclass(frozen=True, slots=True)
class WatchedNearest:
    """Nearest (app/services/resting.py) around another."""

    vectors: Nearest
    tracer: Tracer

    async def query(
        self, generation: Generation, vector: Vectors, limit: int, within: Selection | None = None
    ) -> list[Hit]:
        with self.tracer.span("search vectors", {"db.operation.name": "query"}) as span:
            hits = await self.vectors.query(generation, vector, limit, within)
            span.note({"cairn.hits": len(hits)})
        return hits


@dataclass(frozen=True, slots=True)
class WatchedKeywords:
    """Worded (app/services/own_words.py) around another."""

    keywords: Worded
    tracer: Tracer

    async def query(
        self,
        generation: Generation,
        text: str,
        limit: int,
        within: Selection | None = None,
        phrases: Sequence[str] = (),
    ) -> list[Hit]:
        with self.tracer.span("search keywords", {"db.operation.name": "query"}) as span:
            hits = await self.keywords.query(generation, text, limit, within, phrases)
            span.note({"cairn.hits": len(hits)})
        return hits
