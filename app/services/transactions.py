"""The catalog from the event loop: a transaction in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from pipelines.ports import Catalog, UnitOfWork

T = TypeVar("T")


async def reading(catalog: Catalog, look: Callable[[UnitOfWork], T]) -> T:
    """What `look` makes of one moment of the catalog."""

    def work() -> T:
        with catalog.read() as uow:
            return look(uow)

    return await asyncio.to_thread(work)


async def writing(catalog: Catalog, change: Callable[[UnitOfWork], T]) -> T:
    """What `change` returns, committed."""

    def work() -> T:
        with catalog.begin() as uow:
            return change(uow)

    return await asyncio.to_thread(work)
