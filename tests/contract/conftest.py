"""Real databases, one a test. PostgreSQL's server is CAIRN_TEST_POSTGRES_URL, else the one on this machine, else skipped."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from app.adapters.sql import SqlCatalog, SqlKeywordIndex

_ON_THIS_MACHINE = "postgresql://postgres@127.0.0.1:5432/postgres"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Engine]:
    """A server on which databases may be made."""
    url = make_url(os.environ.get("CAIRN_TEST_POSTGRES_URL", _ON_THIS_MACHINE)).set(drivername="postgresql+psycopg")
    server = create_engine(url, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 2})
    try:
        server.connect().close()
    except OperationalError:
        pytest.skip("no PostgreSQL: set CAIRN_TEST_POSTGRES_URL to a server where databases may be made")
    yield server
    server.dispose()


@pytest.fixture(scope="session")
def schema(postgres: Engine) -> Iterator[str]:
    """The name of a database with the newest schema and no rows, to be copied."""
    with _database(postgres) as url:
        catalog = SqlCatalog(_text(url))
        catalog.open()
        catalog.close()
        yield str(url.database)


@contextmanager
def _database(server: Engine, template: str = "template1") -> Iterator[URL]:
    """A database on PostgreSQL, for as long as it is entered."""
    name = f"cairn_test_{uuid.uuid4().hex}"
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    try:
        yield server.url.set(database=name)
    finally:
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of the test's own."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'catalog.sqlite3'}"
        return
    server, template = request.getfixturevalue("postgres"), request.getfixturevalue("schema")
    with _database(server, template) as url:
        yield _text(url)


@pytest.fixture
def catalog(database: str) -> Iterator[SqlCatalog]:
    opened = SqlCatalog(database)
    opened.open()
    yield opened
    opened.close()


@pytest.fixture
def keywords(catalog: SqlCatalog) -> SqlKeywordIndex:
    return SqlKeywordIndex(catalog)
