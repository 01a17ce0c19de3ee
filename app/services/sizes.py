"""How much there is, which takes a while to count: looked at now and then, and shown as it was last seen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Protocol

import structlog

from app.observability.metrics import (
    DOCUMENTS,
    INDEX_CHUNKS,
    INDEX_GENERATIONS,
    INDEX_VECTORS,
    JOURNAL_EVENTS,
    JOURNAL_RUNS,
    STORE_BYTES,
    VERSIONS,
)
from pipelines.domain.errors import DependencyUnavailable
from pipelines.ports import Catalog

log = structlog.get_logger()

_SHARE = 20  # times as long as a look takes
_PATIENCE_S = 1.0  # of who asks, before the last look is shown

Bytes = Callable[[], int]
"""What a store takes. Sync: called from a thread. Raises DependencyUnavailable, OSError."""


class JournalContents(Protocol):
    @property
    def events(self) -> int: ...
    @property
    def runs(self) -> Mapping[str, int]: ...  # by status


class Sizes:
    """Looked at every `fresh_s` seconds at most, and for a twentieth of the time. What cannot be seen keeps its last value."""

    def __init__(
        self,
        catalog: Catalog,
        vectors: Callable[[], Awaitable[int]],
        stores: Mapping[str, Bytes],
        journal: Callable[[], Awaitable[JournalContents]] | None,
        *,
        fresh_s: float = 60,
    ) -> None:
        self._catalog = catalog
        self._vectors = vectors
        self._stores = stores
        self._journal = journal
        self._fresh_s = fresh_s
        self._next = 0.0
        self._looking: asyncio.Task[None] | None = None

    async def look(self) -> None:
        """Waits for a look that is quick; a slow one is shown when it is over."""
        if self._looking is None or self._looking.done():
            if time.monotonic() < self._next:
                return
            self._looking = asyncio.create_task(self._look())
        await asyncio.wait({self._looking}, timeout=_PATIENCE_S)

    async def _look(self) -> None:
        began = time.monotonic()
        try:
            await self._measure()
        except Exception:  # the edge of this task: nobody waits for what it says
            log.exception("sizes.not_seen")
        took = time.monotonic() - began
        self._next = began + max(self._fresh_s, _SHARE * took)

    async def _measure(self) -> None:
        with suppress(DependencyUnavailable):
            await asyncio.to_thread(self._count)
        with suppress(DependencyUnavailable):
            INDEX_VECTORS.set(await self._vectors())
        for store, size in self._stores.items():
            with suppress(DependencyUnavailable, OSError):
                STORE_BYTES.labels(store).set(await asyncio.to_thread(size))
        if self._journal is not None:
            held = await self._journal()
            JOURNAL_EVENTS.set(held.events)
            for status, runs in held.runs.items():
                JOURNAL_RUNS.labels(status).set(runs)

    def _count(self) -> None:
        with self._catalog.read() as uow:
            found = uow.upkeep.contents()
        DOCUMENTS.labels("ready").set(found.ready_documents)
        DOCUMENTS.labels("not_ready").set(found.other_documents)
        VERSIONS.set(found.versions)
        STORE_BYTES.labels("originals").set(found.original_bytes)
        for name, generations, chunks in (
            ("active", found.active_generations, found.active_chunks),
            ("other", found.other_generations, found.other_chunks),
        ):
            INDEX_GENERATIONS.labels(name).set(generations)
            INDEX_CHUNKS.labels(name).set(chunks)
