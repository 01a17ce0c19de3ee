"""What whoever operates the machine does on the stores themselves, beside a running server or without one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy.exc import ProgrammingError

from app.adapters.sql import SqlCatalog
from app.adapters.sql.roles import grant
from app.bootstrap.stores import Stores
from app.services.tenants import Tenants
from app.settings import Settings
from pipelines.domain.errors import ConfigurationError


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


async def migrate(settings: Settings, grant_to: str | None = None) -> None:
    """Brings catalog and audit log to this release; who does so at the same time waits. `grant_to`: a role of PostgreSQL that
    may serve from now on. Raises as `tenants`."""
    if grant_to is not None and settings.database_url is None:
        raise ConfigurationError("Roles are PostgreSQL's: set CAIRN_DATABASE_URL to its owner's.")
    settings.data_dir.resolve().mkdir(mode=0o700, parents=True, exist_ok=True)
    stores = Stores.of(settings)
    await asyncio.to_thread(stores.catalog.open)
    try:
        await asyncio.to_thread(stores.audit.open)
        await stores.audit.close()
        if grant_to is not None:
            await asyncio.to_thread(_grant, stores.catalog, grant_to)
    finally:
        await asyncio.to_thread(stores.catalog.close)


def _grant(catalog: SqlCatalog, role: str) -> None:
    try:
        with catalog.connection() as connection:
            grant(connection, role)
    except ProgrammingError as error:
        raise ConfigurationError(f"{role!r} cannot be granted anything: {error.orig}") from error
