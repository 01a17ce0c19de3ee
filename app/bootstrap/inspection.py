"""What `cairn inspect` needs: the readers in their workers, and the tokens of the embedder; no store, no server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.adapters.process_pool import ProcessPool
from app.bootstrap.models import InstalledEmbedders, find_ocr
from app.services.inspection import Inspection
from app.settings import Settings


@asynccontextmanager
async def inspection(settings: Settings) -> AsyncIterator[Inspection]:
    async with ProcessPool(settings.worker_processes, settings.worker_memory_bytes, settings.parse_timeout_s) as pool:
        yield Inspection(pool, InstalledEmbedders(settings).default.token_counter(), find_ocr(settings))
