"""Databases of a test's own on a PostgreSQL server."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

POSTGRES = os.environ.get("CAIRN_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


@contextmanager
def empty_database() -> Iterator[tuple[str, psycopg.Connection[Any]]]:
    """Its URL, and a connection of who made it. Skips the test where there is no server."""
    name = f"cairn_test_{uuid.uuid4().hex}"
    try:
        owner = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=2)
    except psycopg.OperationalError:
        pytest.skip("no PostgreSQL: set CAIRN_TEST_POSTGRES_URL to a server where databases may be made")
    with owner:
        owner.execute(f"CREATE DATABASE {name}")
        try:
            yield POSTGRES.rpartition("/")[0] + f"/{name}", owner
        finally:
            owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
