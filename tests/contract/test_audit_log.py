"""The promises of AuditLog (pipelines/ports.py), on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from app.adapters.signing import Ed25519Signer
from app.adapters.sql.audit import SqlAuditLog
from app.cli.erasures import verify
from pipelines.domain.audit import Act, head_statement, problems
from pipelines.domain.errors import AuditUnavailable


def act(tenant: str = "acme", action: str = "show") -> Act:
    return Act(datetime.now(UTC), tenant, "ada", action, targets={"documents": ["doc_1", "doc_2"]})


@pytest.fixture
def signer(tmp_path: Path) -> Ed25519Signer:
    return Ed25519Signer(tmp_path / "key")


@pytest.fixture
async def log(empty_database: str, signer: Ed25519Signer) -> AsyncIterator[SqlAuditLog]:
    opened = SqlAuditLog(empty_database, signer)
    await asyncio.to_thread(opened.open)
    yield opened
    await opened.close()


def wrong(log: SqlAuditLog, tenant: str = "acme") -> list[str]:
    head = log.head(tenant)
    assert head is not None
    return list(problems((line for _, line in log.lines(tenant, 0, 10_000)), head.number, head.digest))


async def test_acts_that_come_together_are_one_whole_chain_for_each_tenant(
    log: SqlAuditLog, signer: Ed25519Signer
) -> None:
    await asyncio.gather(*(log.record([act(tenant)]) for _ in range(60) for tenant in ("acme", "rival")))
    for tenant in ("acme", "rival"):
        head = log.head(tenant)
        assert head is not None
        assert head.number == 60
        assert wrong(log, tenant) == []
        statement = head_statement(tenant, head.number, head.digest)
        assert verify(statement, head.signature._asdict(), signer.public_key)
    assert [number for number, _ in log.lines("acme", 57, 2)] == [58, 59]


async def test_two_processes_write_one_chain(log: SqlAuditLog, empty_database: str, signer: Ed25519Signer) -> None:
    other = SqlAuditLog(empty_database, signer)
    await asyncio.to_thread(other.open)
    await asyncio.gather(*(each.record([act()]) for _ in range(20) for each in (log, other)))
    await other.close()
    assert len(log.lines("acme", 0, 100)) == 40
    assert wrong(log) == []


async def test_a_backup_reads_rows_and_ends_of_one_moment(log: SqlAuditLog) -> None:
    await log.record([act()])
    with log.connection() as connection:
        rows = connection.execute(text("SELECT count(*) FROM audit_rows")).scalar_one()
        await log.record([act()])  # people go on meanwhile
        assert connection.execute(text("SELECT number FROM audit_heads")).scalar_one() == rows == 1


async def test_what_need_not_be_on_the_disk_first_is_seen_by_all_and_gets_there(
    tmp_path: Path, signer: Ed25519Signer
) -> None:
    path, copy = tmp_path / "audit.sqlite3", tmp_path / "copy.sqlite3"
    log = SqlAuditLog(f"sqlite:///{path}", signer)
    await asyncio.to_thread(log.open)
    for number in range(3):
        await log.record([act(action=f"show {number}")], durable=False)
        with closing(sqlite3.connect(path)) as reader:
            assert reader.execute("SELECT max(number) FROM audit_rows").fetchone() == (number + 1,)
    while True:  # without its log, the file is what the disk was told to keep
        copy.write_bytes(path.read_bytes())
        with closing(sqlite3.connect(copy)) as kept, suppress(sqlite3.OperationalError):
            if kept.execute("SELECT count(*) FROM audit_rows").fetchone() == (3,):
                break
        await asyncio.sleep(0.02)
    await log.record([act(action="delete")])
    assert wrong(log) == []
    await log.close()


async def test_nobody_has_a_chain_before_the_first_act(log: SqlAuditLog) -> None:
    assert log.head("acme") is None
    assert log.lines("acme", 0, 10) == []


@pytest.mark.parametrize("statement", ["UPDATE audit_rows SET line = '{}'", "DELETE FROM audit_rows"])
async def test_the_database_refuses_to_change_a_row(log: SqlAuditLog, empty_database: str, statement: str) -> None:
    await log.record([act()])
    engine = create_engine(make_url(empty_database.replace("postgresql:", "postgresql+psycopg:")))
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()
    assert wrong(log) == []


async def test_an_act_that_cannot_be_written_is_refused_and_the_next_one_is_not(
    tmp_path: Path, signer: Ed25519Signer
) -> None:
    path = tmp_path / "audit.sqlite3"
    log = SqlAuditLog(f"sqlite:///{path}", signer, timeout_s=0.5)
    await asyncio.to_thread(log.open)
    await log.record([act()])
    with sqlite3.connect(path, isolation_level=None) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(AuditUnavailable):
            await log.record([act(action="refused")])
        holder.execute("ROLLBACK")
    await log.record([act(action="after")])
    assert wrong(log) == []
    assert '"after"' in log.lines("acme", 0, 10)[-1][1]
    await log.close()
