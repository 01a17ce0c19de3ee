"""PostgreSQL's own lock: a role that serves sees, with any statement, only what the transaction acts for."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlmodel import SQLModel

from app.adapters.signing import Ed25519Signer
from app.adapters.sql import SqlCatalog
from app.adapters.sql.audit import SqlAuditLog
from app.adapters.sql.catalog import acting_for
from app.adapters.sql.roles import grant, revoke
from pipelines.domain.access import Principal
from pipelines.domain.audit import Act, problems
from pipelines.domain.conversations import Conversation
from tests.contract.samples import ANNA, BEN, EVE, PAPERS, at, collection, document, ready, set_up

OPEN = {"tenants", "outbox", "document_readers"}
"""Names of tenants, events for workflows, and ids beside subjects: what the policies themselves look at."""


@pytest.fixture
def kind() -> str:
    return "postgresql"


@pytest.fixture
def signer(tmp_path: Path) -> Ed25519Signer:
    return Ed25519Signer(tmp_path / "key")


@pytest.fixture
async def audited(catalog: SqlCatalog, database: str, signer: Ed25519Signer) -> SqlCatalog:
    """The owner has made the log's tables."""
    log = SqlAuditLog(database, signer)
    log.open()
    await log.close()
    return catalog


@pytest.fixture
def role(audited: SqlCatalog, database: str, postgres: Engine) -> Iterator[str]:
    """The URL of a role that owns nothing and is above nothing."""
    name = f"cairn_app_{uuid.uuid4().hex[:8]}"
    owner = create_engine(make_url(database).set(drivername="postgresql+psycopg"))
    with postgres.connect() as server:
        server.execute(text(f"CREATE ROLE {name} LOGIN NOSUPERUSER NOBYPASSRLS"))
    with owner.begin() as connection:
        grant(connection, name)
    yield make_url(database).set(username=name, password=None).render_as_string(hide_password=False)
    with owner.begin() as connection:
        revoke(connection, name)
    owner.dispose()
    with postgres.connect() as server:
        server.execute(text(f"DROP ROLE {name}"))


@pytest.fixture
def filled(catalog: SqlCatalog) -> SqlCatalog:
    set_up(catalog, PAPERS, collection("rival"))
    with catalog.begin() as uow:
        ready(uow, document("doc_all"))
        ready(uow, document("doc_finance", readers=frozenset({"group:finance"})))
        ready(uow, document("doc_rival", where=collection("rival")))
        uow.conversations.add(Conversation("cnv_rival", "rival", "eve", at(0), at(0), 0), 9)
    return catalog


@pytest.fixture
def served(filled: SqlCatalog, role: str) -> Iterator[Connection]:
    """A connection of the role, on which a test says what it likes."""
    engine = create_engine(make_url(role).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def _as(connection: Connection, who: Principal | None, *, reading: bool = True) -> None:
    connection.rollback()
    acting = acting_for(who, reading=reading)
    for name, value in acting.items():
        connection.execute(text("SELECT set_config(:name, :value, true)"), {"name": f"cairn.{name}", "value": value})


def _ids(connection: Connection, query: str) -> set[str]:
    return set(connection.execute(text(query)).scalars())


def test_every_table_is_locked(served: Connection) -> None:
    query = "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity"
    tables = {table.name for table in SQLModel.metadata.sorted_tables} | {"keyword_rows"}
    assert tables - _ids(served, query) == OPEN, "a new table needs a policy: see migration 0018"


def test_who_says_nothing_sees_nothing(served: Connection) -> None:
    for table in ("documents", "versions", "chunks", "jobs", "collections", "conversations", "api_keys"):
        assert served.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 0, table


def test_a_tenant_sees_its_own_and_a_person_what_names_it(served: Connection) -> None:
    documents = "SELECT id FROM documents"
    of_chunks = "SELECT DISTINCT document_id FROM chunks JOIN versions ON versions.id = version_id"
    for query in (documents, of_chunks, "SELECT document_id FROM versions"):
        _as(served, ANNA)
        assert _ids(served, query) == {"doc_all", "doc_finance"}, query
        _as(served, BEN)
        assert _ids(served, query) == {"doc_all"}, query
        _as(served, BEN, reading=False)
        assert _ids(served, query) == {"doc_all", "doc_finance"}, "who writes acts for the tenant"
        _as(served, EVE)
        assert _ids(served, query) == {"doc_rival"}, "the same names in another tenant"
        _as(served, None)
        assert _ids(served, query) == {"doc_all", "doc_finance", "doc_rival"}, "workflows act for no person"
    _as(served, ANNA)
    assert _ids(served, "SELECT id FROM conversations") == set()
    assert _ids(served, "SELECT tenant_id FROM jobs") == {"acme"}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE documents SET tenant_id = 'rival' WHERE id = 'doc_all'",
        "UPDATE documents SET collection_id = 'col_acme_papers' WHERE id = 'doc_rival'",
        "UPDATE chunks SET text = 'mine' WHERE version_id IN (SELECT latest_version_id FROM documents WHERE id = 'doc_rival')",
        "DELETE FROM jobs WHERE tenant_id = 'rival'",
        "INSERT INTO conversations VALUES ('cnv_x', 'rival', 'eve', '2026', '2026')",
        "INSERT INTO job_events VALUES ((SELECT id FROM jobs WHERE tenant_id = 'rival'), 99, 'x', '{}', '2026')",
    ],
)
def test_nothing_is_written_into_another_tenant(served: Connection, statement: str, filled: SqlCatalog) -> None:
    _as(served, ANNA, reading=False)
    try:
        assert served.execute(text(statement)).rowcount == 0
    except DBAPIError as error:
        assert "row-level security" in str(error) or "null value" in str(error), error  # noqa: PT017 - or it changes nothing


def test_a_person_who_was_forgotten_in_a_query_is_not_in_the_transaction(filled: SqlCatalog, role: str) -> None:
    """What is for workflows finds nothing of others' when it is asked in a person's transaction."""
    catalog = SqlCatalog(role)
    catalog.open()
    try:
        with catalog.read(BEN) as uow:
            assert uow.documents.kept("doc_finance") is None
            assert uow.documents.kept("doc_rival") is None
            assert uow.documents.kept("doc_all") is not None
        with catalog.begin(ANNA) as uow:
            uow.documents.share("doc_finance", frozenset({"user:ben"}), at(9))
        with catalog.read(BEN) as uow:
            assert uow.documents.get(BEN, "doc_finance") is not None
        with catalog.begin() as uow:
            assert uow.documents.kept("doc_rival") is not None
    finally:
        catalog.close()


async def test_the_role_adds_to_the_audit_log_and_changes_nothing_of_it(
    audited: SqlCatalog, role: str, signer: Ed25519Signer
) -> None:
    tenant = f"tenant-{uuid.uuid4().hex}"
    log = SqlAuditLog(role, signer)
    log.open()
    try:
        await log.record([Act(at(number), tenant, "ada", "show") for number in range(3)])
        head = log.head(tenant)
        assert head is not None
        assert list(problems((line for _, line in log.lines(tenant, 0, 9)), head.number, head.digest)) == []
        served = create_engine(make_url(role).set(drivername="postgresql+psycopg"))
        for statement in (
            "UPDATE audit_rows SET line = '{}'",
            "DELETE FROM audit_rows",
            "TRUNCATE audit_rows",
            "DROP TABLE audit_rows",
            "ALTER TABLE audit_rows DISABLE TRIGGER ALL",
            "DROP TRIGGER audit_append_only ON audit_rows",
            "DELETE FROM audit_heads",
        ):
            with (
                served.connect() as connection,
                pytest.raises(ProgrammingError, match=r"permission denied|must be owner"),
            ):
                connection.execute(text(statement))
        served.dispose()
        assert len(log.lines(tenant, 0, 9)) == 3
    finally:
        await log.close()
