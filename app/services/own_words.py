"""Abbreviations of a question, as the documents that its asker may read write them out."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

from app.services.library import Shelf
from pipelines.domain.access import Principal
from pipelines.domain.documents import Generation
from pipelines.domain.errors import DependencyUnavailable
from pipelines.domain.filters import Filters
from pipelines.domain.views import Selection
from pipelines.ports import Catalog, Hit
from pipelines.query.abbreviations import abbreviations, written_out
from pipelines.query.glossary import Glossary

_READ = 16  # chunks with the abbreviation
_MOST = 4  # abbreviations of a question
_KEPT = 2_048


class Worded(Protocol):
    """What of a KeywordIndex (pipelines/ports.py) answers questions."""

    async def query(
        self,
        generation: Generation,
        text: str,
        limit: int,
        within: Selection | None = None,
        phrases: Sequence[str] = (),
    ) -> list[Hit]: ...


class OwnWords:
    """Remembers what it read for as long as its asker could search the same versions."""

    def __init__(self, catalog: Catalog, keywords: Worded, glossary: Glossary, *, timeout_s: float = 2) -> None:
        self._catalog = catalog
        self._keywords = keywords
        self._glossary = glossary
        self._timeout_s = timeout_s
        self._known: OrderedDict[tuple[str, str, str], str | None] = OrderedDict()
        self._lock = threading.Lock()

    async def of(self, principal: Principal, shelf: Shelf, question: str, filters: Filters) -> list[str]:
        """What the abbreviations stand for that no glossary has and no document is named by; none that cannot be had in time."""
        unknown = [
            each
            for each in abbreviations(question)[:_MOST]
            if not self._glossary.expand(each) and not shelf.names.named(each)
        ]
        if not unknown:
            return []
        found = await asyncio.gather(*(self._written_out(principal, shelf, each, filters) for each in unknown))
        return [words for words in found if words]

    async def _written_out(self, principal: Principal, shelf: Shelf, abbreviation: str, filters: Filters) -> str | None:
        generation = shelf.view.collection.active_generation
        key = (shelf.selection.key, generation.id, abbreviation)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        try:
            async with asyncio.timeout(self._timeout_s):
                hits = await self._keywords.query(generation, abbreviation, _READ, shelf.selection)
                ids = [hit.chunk_id for hit in hits]
                texts = await asyncio.to_thread(self._texts, principal, shelf, ids, filters) if ids else []
        except (DependencyUnavailable, TimeoutError):
            return None
        words = written_out(abbreviation, texts)
        with self._lock:
            self._known[key] = words
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return words

    def _texts(self, principal: Principal, shelf: Shelf, chunk_ids: Sequence[str], filters: Filters) -> list[str]:
        with self._catalog.read(principal) as uow:
            seen = uow.chunks.visible(principal, shelf.view.collection.id, chunk_ids, filters)
        return [source.chunk.text for source in seen.values()]
