"""The catalog under threads, other processes, power cuts and erasure, on SQLite and on PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from app.adapters.sql import SqlCatalog, SqlKeywordIndex
from pipelines.domain.errors import ConfigurationError, DependencyUnavailable
from pipelines.domain.jobs import JobError, JobStatus, OutboxEvent
from pipelines.ports import DocumentFilter, IdempotentAnswer
from tests.contract.samples import (
    ANNA,
    CHUNKER,
    PAPERS,
    START,
    at,
    chunks,
    collection,
    document,
    ingest_job,
    ready,
    set_up,
    version,
)

ROOT = Path(__file__).parents[2]


@contextmanager
def _opened(url: str, busy_timeout_s: float = 10) -> Iterator[SqlCatalog]:
    catalog = SqlCatalog(url, busy_timeout_s=busy_timeout_s)
    catalog.open()
    try:
        yield catalog
    finally:
        catalog.close()


# --- the schema ---


def test_the_tables_are_what_the_code_takes_them_for(catalog: SqlCatalog) -> None:
    def ours(entry: object, name: str | None, kind: str, *_: object) -> bool:
        return not (kind == "table" and (name or "").startswith("keyword_"))

    with catalog.snapshot() as connection:
        options = {"include_object": ours, "compare_type": not catalog.is_sqlite}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), SQLModel.metadata) == []


def test_two_servers_that_start_at_once_make_one_schema(empty_database: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(_open_and_write, empty_database, name) for name in ("a", "b")]:
            future.result()
    with _opened(empty_database) as catalog, catalog.read() as uow:
        assert len(uow.collections.all("acme")) == 2


def _open_and_write(url: str, name: str) -> None:
    with _opened(url) as catalog:
        set_up(catalog, collection(name=name))


def test_a_catalog_of_a_newer_version_is_refused_and_left_alone(empty_database: str) -> None:
    with _opened(empty_database) as catalog:
        with catalog.connection() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(ConfigurationError, match="newer"), _opened(empty_database):
            pass
        with catalog.snapshot() as connection:
            assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"


# --- one writer at a time, one moment a reader ---


def test_the_same_bytes_uploaded_at_once_are_one_document(catalog: SqlCatalog, database: str) -> None:
    set_up(catalog)
    barrier = threading.Barrier(6)

    def upload(own: SqlCatalog, number: int) -> bool:
        proposed = document(f"doc_{number}", "the same bytes")
        barrier.wait()
        with own.begin() as uow:
            if uow.documents.with_content(ANNA, PAPERS.id, proposed.latest.sha256) is not None:
                return False
            uow.documents.add(proposed)
            return True

    with _opened(database) as other, ThreadPoolExecutor(6) as pool:  # as two processes of three threads
        won = list(pool.map(lambda number: upload((catalog, other)[number % 2], number), range(6)))
    assert sorted(won) == [False] * 5 + [True]
    with catalog.read() as uow:
        assert len(uow.documents.page(ANNA, DocumentFilter(), None, 10)) == 1


def test_readers_see_the_old_version_or_the_new_one_never_both_or_neither(catalog: SqlCatalog) -> None:
    set_up(catalog)
    versions = [version("doc_1", "one"), version("doc_1", "two", seconds=1)]
    with catalog.begin() as uow:
        (first,) = ready(uow, document("doc_1", "one"), ["one"])
        (second,) = chunks(versions[1], ["two"])
        uow.documents.add_version(versions[1])
        uow.chunks.replace(versions[1].id, CHUNKER, [second])
    done, reading = threading.Event(), threading.Barrier(4)

    def read() -> set[tuple[str, ...]]:
        seen = set()
        reading.wait()
        while not done.is_set():
            with catalog.read() as uow:
                visible = uow.chunks.visible(ANNA, PAPERS.id, [first.id, second.id])
                found = uow.documents.get(ANNA, "doc_1")
                assert found is not None
                assert [each.chunk.version_id for each in visible.values()] == [found.active_version_id]
                seen.add(tuple(visible))
        return seen

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read) for _ in range(3)]
        reading.wait()
        try:
            for number in range(40):
                with catalog.begin() as uow:
                    uow.documents.add_version(versions[number % 2])
                    uow.documents.activate(versions[number % 2].id, at(number))
        finally:
            done.set()
        assert set[tuple[str, ...]]().union(*(each.result() for each in readers)) <= {(first.id,), (second.id,)}


def test_a_reader_stays_in_the_moment_it_began_in(catalog: SqlCatalog) -> None:
    set_up(catalog)
    with catalog.read() as before:
        assert len(before.collections.all("acme")) == 1
        with catalog.begin() as uow:
            uow.collections.add(collection(name="later"))
        assert len(before.collections.all("acme")) == 1
    with catalog.read() as after:
        assert len(after.collections.all("acme")) == 2


def test_a_reader_cannot_write(catalog: SqlCatalog) -> None:
    with pytest.raises((DependencyUnavailable, DBAPIError)), catalog.read() as uow:
        uow.keys.add_tenant("acme", "Acme", START)
    with catalog.read() as uow, pytest.raises((DependencyUnavailable, DBAPIError)):  # nor what it did not send yet
        uow.outbox.add(OutboxEvent("event", "x", {}), START)
        uow.outbox.sent(["none"])
    with catalog.read() as uow:
        assert uow.outbox.pending(1) == []


def test_what_fails_half_way_leaves_nothing(catalog: SqlCatalog) -> None:
    set_up(catalog)
    with pytest.raises(ZeroDivisionError), catalog.begin() as uow:
        ready(uow, document("doc_1"))
        raise ZeroDivisionError
    with catalog.begin() as uow:  # and the next writer has its turn
        assert uow.documents.version_ids("doc_1") == []


def test_a_writer_that_waits_too_long_is_told_so(catalog: SqlCatalog, database: str) -> None:
    with _opened(database, busy_timeout_s=0.1) as other:
        with catalog.begin(), pytest.raises(DependencyUnavailable), other.begin():
            pass
        with other.begin() as uow:
            uow.keys.add_tenant("acme", "Acme", START)


async def test_a_database_that_is_not_there_is_a_dependency_that_does_not_answer(tmp_path: Path) -> None:
    with pytest.raises(DependencyUnavailable):
        SqlCatalog("postgresql://nobody@127.0.0.1:1/none").open()
    (tmp_path / "folder").mkdir()
    with pytest.raises(DependencyUnavailable):
        SqlCatalog(f"sqlite:///{tmp_path / 'folder'}").open()


# --- power cuts ---

WRITER = """
import sys
from app.adapters.sql import SqlCatalog
from tests.contract.samples import document, ready, set_up
catalog = SqlCatalog(sys.argv[1])
catalog.open()
set_up(catalog)
with catalog.begin() as uow:
    ready(uow, document("doc_committed"))
with catalog.begin() as uow:
    ready(uow, document("doc_open"), [f"Passage {number}." for number in range(2_000)])
    print("written", flush=True)
    sys.stdin.read()
"""


def test_a_killed_writer_leaves_what_it_committed_and_nothing_else(database: str) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, database], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"written\n"
        writer.kill()
    with _opened(database) as catalog, catalog.begin() as uow:
        assert [each.id for each in uow.documents.page(ANNA, DocumentFilter(), None, 9)] == ["doc_committed"]
        assert uow.documents.version_ids("doc_open") == []
        assert uow.chunks.ids(document("doc_open").latest.id) == set()


# --- erasure ---


async def test_of_a_purged_document_no_word_is_left(catalog: SqlCatalog, tmp_path: Path) -> None:
    set_up(catalog)
    secret = replace(document("doc_1", "one", title="Aardvark"), metadata={"source": "Basilisk"})
    newer = version("doc_1", "two", filename="Chimera.pdf")
    other = document("doc_2", seconds=1)
    words = ["aardvark", "basilisk", "chimera", "dragon", "firebird", "griffin", "hydra"]
    rows = chunks(newer, ["Here be Dragon."] * 3, headings=("Firebird",))
    keywords = SqlKeywordIndex(catalog)
    with catalog.begin() as uow:
        uow.documents.add(secret)
        uow.jobs.add(ingest_job(secret.latest))
        uow.documents.add_version(newer)
        uow.chunks.replace(newer.id, CHUNKER, rows)
        uow.jobs.add(ingest_job(newer))
        uow.jobs.start_step(ingest_job(newer).id, "parse-document", START)
        uow.jobs.end_step(ingest_job(newer).id, "parse-document", START, {"blob_key": "Griffin"})
        uow.jobs.finish(ingest_job(newer).id, JobStatus.FAILED, START, JobError("unreadable_file", "Griffin"))
        uow.idempotency.put(ANNA, "k", IdempotentAnswer("x", 202, '[{"document_id": "doc_1", "f": "Hydra"}]'), START)
        uow.outbox.add(OutboxEvent("event", "rag/document.uploaded", {"document_id": "doc_1", "f": "Hydra"}), START)
        kept = ready(uow, other, ["Elephants stay."])
    await keywords.upsert(PAPERS.id, rows)
    await keywords.upsert(PAPERS.id, kept)
    assert all(_holds(catalog, tmp_path, word) for word in words)

    with catalog.begin() as uow:
        uow.documents.tombstone("doc_1", at(9))
    await keywords.delete_version(newer.id)
    for _ in range(2):  # a step may run twice
        with catalog.begin() as uow:
            uow.documents.purge("doc_1")

    assert [word for word in words if _holds(catalog, tmp_path, word)] == []
    ids = [secret.latest.id, newer.id, newer.sha256, *(row.id for row in rows)]
    assert [each for each in ids if _holds(catalog, tmp_path, each)] == []
    with catalog.read() as uow:
        assert uow.documents.version_ids("doc_1") == []
        assert uow.documents.target(newer.id) is None
        assert uow.documents.collection_id("doc_1") == PAPERS.id
        assert set(uow.chunks.visible(ANNA, PAPERS.id, [row.id for row in kept])) == {kept[0].id}
    assert [hit.chunk_id for hit in await keywords.query(PAPERS.active_generation, "elephants", 9)] == [kept[0].id]


def _holds(catalog: SqlCatalog, folder: Path, word: str) -> bool:
    """Whether any byte of SQLite's files, or any row of PostgreSQL's, has the word, in any case."""
    word = word.lower()
    if catalog.is_sqlite:
        return any(word in path.read_bytes().decode("latin-1").lower() for path in folder.glob("catalog.sqlite3*"))
    with catalog.snapshot() as connection:
        tables = inspect(connection).get_table_names()
        rows = [row for name in tables for row in connection.execute(text(f'SELECT t::text FROM "{name}" t')).scalars()]
    return any(word in row.lower() for row in rows)


def test_a_purge_that_a_reader_holds_up_says_so_and_is_done_again(tmp_path: Path) -> None:
    """SQLite alone: its log cannot be emptied while somebody reads an older moment."""
    with _opened(f"sqlite:///{tmp_path / 'catalog.sqlite3'}", busy_timeout_s=0.1) as catalog:
        set_up(catalog)
        with catalog.begin() as uow:
            ready(uow, document("doc_1", title="Aardvark"))
            uow.documents.tombstone("doc_1", at(1))
        with catalog.read() as reader:
            reader.collections.all("acme")
            with pytest.raises(DependencyUnavailable), catalog.begin() as uow:
                uow.documents.purge("doc_1")
        with catalog.begin() as uow:
            uow.documents.purge("doc_1")
        assert not _holds(catalog, tmp_path, "aardvark")


def test_an_error_of_the_database_says_nothing_of_the_text(catalog: SqlCatalog) -> None:
    set_up(catalog)
    nobodys = document("doc_nobody").latest
    with pytest.raises(Exception, match=r"(?i)foreign key") as refused, catalog.begin() as uow:
        uow.chunks.replace(nobodys.id, CHUNKER, chunks(nobodys, ["Xylophonica rings."]))
    assert "Xylophonica" not in str(refused.value)
