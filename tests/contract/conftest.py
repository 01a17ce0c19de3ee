"""Real databases, each test's without rows.

PostgreSQL's server is the one of CAIRN_TEST_POSTGRES_URL, else the one on this machine; without one its tests are skipped.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlmodel import SQLModel

from app.adapters.sql import SqlCatalog, SqlKeywordIndex
from tests.fakes.ollama import FakeOllama, running

_OWNER = "cairn_test_owner"
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
def shared(postgres: Engine) -> Iterator[str]:
    """The URL of a PostgreSQL database with the newest schema: making one takes longer than most tests."""
    with _database(postgres) as url:
        catalog = SqlCatalog(url)
        catalog.open()
        catalog.close()
        yield url


@contextmanager
def _database(server: Engine) -> Iterator[str]:
    """The URL of an empty database on PostgreSQL, for as long as it is entered: of a role that row-level security binds."""
    name = f"cairn_test_{uuid.uuid4().hex}"
    with server.connect() as connection:
        with suppress(ProgrammingError):  # another test's, and it stays
            connection.execute(text(f"CREATE ROLE {_OWNER} LOGIN NOSUPERUSER NOBYPASSRLS"))
        connection.execute(text(f"CREATE DATABASE {name} OWNER {_OWNER}"))
    try:
        yield server.url.set(database=name, username=_OWNER).render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def _empty(url: str) -> None:
    """Removes all rows."""
    engine = create_engine(make_url(url), connect_args={"options": "-c lock_timeout=10s -c cairn.tenant=*"})
    with engine.begin() as connection:
        for table in ("keyword_rows", *reversed(SQLModel.metadata.sorted_tables)):
            connection.execute(text(f"DELETE FROM {table}"))  # far quicker than TRUNCATE on small tables
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def database(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of the test's own."""
    if kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'catalog.sqlite3'}"
        return
    url = request.getfixturevalue("shared")
    yield url
    _empty(url)


@pytest.fixture
def empty_database(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The same without tables."""
    if kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite3'}"
        return
    with _database(request.getfixturevalue("postgres")) as url:
        yield url


@pytest.fixture
def catalog(database: str) -> Iterator[SqlCatalog]:
    opened = SqlCatalog(database)
    opened.open()
    yield opened
    opened.close()


@pytest.fixture
def keywords(catalog: SqlCatalog) -> SqlKeywordIndex:
    return SqlKeywordIndex(catalog)


@pytest.fixture(scope="module")
def fake_ollama() -> Iterator[FakeOllama]:
    with running(FakeOllama()) as fake:
        yield fake
