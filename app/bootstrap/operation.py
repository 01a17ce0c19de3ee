"""What whoever operates the machine does on the stores themselves, beside a running server or without one."""

from __future__ import annotations

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
