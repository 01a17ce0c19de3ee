"""What whoever operates the machine does on the stores themselves, beside a running server or without one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime

from sqlalchemy.exc import ProgrammingError

from app.adapters import folder_lock
from app.adapters.sql import SqlCatalog
from app.adapters.sql.portable import SqlRecords
from app.adapters.sql.roles import grant
from app.adapters.vector_files import ParquetFiles
from app.bootstrap.stores import Stores
from app.services.recovery import Recovery
from app.services.tenants import Tenants
from app.settings import Settings
from pipelines.domain.errors import ConfigurationError, DataFolderInUse

SECRET_FILES = ("receipt-key", "redaction-key", "first-key")


@contextmanager
def tenants(settings: Settings) -> Iterator[Tenants]:
    """Raises DependencyUnavailable, ConfigurationError."""
    settings.data_dir.resolve().mkdir(mode=0o700, parents=True, exist_ok=True)
    catalog = Stores.of(settings).catalog
    catalog.open()
    try:
        yield Tenants(catalog, _now)
    finally:
        catalog.close()


@asynccontextmanager
async def recovery(settings: Settings, *, alone: bool) -> AsyncIterator[Recovery]:
    """`alone`: no server may run on the data folder. Else one may, and a folder of vectors is then left out.

    Raises DataFolderInUse, DependencyUnavailable, ConfigurationError.
    """
    folder = settings.data_dir.resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        try:
            stack.enter_context(folder_lock.held(folder))
            others = False
        except DataFolderInUse:
            if alone:
                raise
            others = True
        stores = Stores.of(settings)
        if others:  # what a start of a server clears away is not ours
            await asyncio.to_thread(stores.catalog.open)
            await asyncio.to_thread(stores.audit.open)
            stack.push_async_callback(stores.audit.close)
            stack.callback(stores.catalog.close)
        else:
            await stack.enter_async_context(stores.open())
        yield Recovery(
            records=SqlRecords(stores.catalog, stores.audit),
            catalog=stores.catalog,
            blobs=stores.blobs,
            vectors=None if others and stores.vectors.local else stores.vectors,
            keywords=stores.keywords,
            vector_files=ParquetFiles(),
            signer=stores.signer,
            secrets=[folder / name for name in SECRET_FILES],
            clock=_now,
            signing_key=stores.signer.public_key if settings.signing_key else None,
        )


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


def _now() -> datetime:
    return datetime.now(UTC)
