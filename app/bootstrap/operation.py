"""What whoever operates the machine does on the stores themselves, beside a running server or without one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from app.bootstrap.stores import Stores
from app.services.tenants import Tenants
from app.settings import Settings


@contextmanager
def tenants(settings: Settings) -> Iterator[Tenants]:
    """Raises DependencyUnavailable, ConfigurationError."""
    settings.data_dir.resolve().mkdir(mode=0o700, parents=True, exist_ok=True)
    catalog = Stores.of(settings).catalog
    catalog.open()
    try:
        yield Tenants(catalog, lambda: datetime.now(UTC))
    finally:
        catalog.close()


async def migrate(settings: Settings) -> None:
    """Brings catalog and audit log to this release; who does so at the same time waits. Raises as `tenants`."""
    settings.data_dir.resolve().mkdir(mode=0o700, parents=True, exist_ok=True)
    stores = Stores.of(settings)
    await asyncio.to_thread(stores.catalog.open)
    try:
        await asyncio.to_thread(stores.audit.open)
        await stores.audit.close()
    finally:
        await asyncio.to_thread(stores.catalog.close)
