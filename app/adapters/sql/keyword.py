"""The keyword index: SQLite's FTS5, or PostgreSQL's full text; rare words weigh more, as in BM25.

Both are given words that were cut and folded here: left to itself, PostgreSQL reads "COVID-19" as a negative number and
a web address as one word, and keeps accents.
"""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Connection, String, bindparam
from sqlalchemy import text as sql

from app.adapters.sql.catalog import SqlCatalog
from app.adapters.sql.postings import Runs, Scope, best
from pipelines.domain.chunks import Chunk
from pipelines.domain.documents import Generation
from pipelines.domain.errors import DependencyUnavailable, IndexUnavailable
from pipelines.domain.views import Selection
from pipelines.ports import Hit
from pipelines.query.terms import telling

R = TypeVar("R")

_WORD = re.compile(r"\w+")
_ACCENTS = re.compile("[\u0300-\u036f]")
_MAX_TERMS = 64
_KEPT = 64  # selections
_DELETE_VERSION = {
    "sqlite": (
        "DELETE FROM keyword_text WHERE rowid IN (SELECT id FROM keyword_rows WHERE version_id = :version_id)",
        "DELETE FROM keyword_rows WHERE version_id = :version_id",
    ),
    "postgresql": ("DELETE FROM keyword_rows WHERE version_id = :version_id",),
}
# FTS5 only marks a row as deleted, and drops its words when it merges; this merges. About 20 us a row of the index.
_FORGET = "INSERT INTO keyword_text (keyword_text) VALUES ('optimize')"
_DELETE_CHUNK = {
    "sqlite": (
        "DELETE FROM keyword_text WHERE rowid IN (SELECT id FROM keyword_rows WHERE chunk_id = :chunk_id)",
        "DELETE FROM keyword_rows WHERE chunk_id = :chunk_id",
    ),
    "postgresql": ("DELETE FROM keyword_rows WHERE chunk_id = :chunk_id",),
}
_INSERT = {
    "sqlite": (
        "INSERT OR IGNORE INTO keyword_scopes (collection_id, chunker) VALUES (:collection_id, :chunker)",
        # The scope's number is the upper half of its rows' ids: see app/adapters/sql/postings.py.
        "INSERT INTO keyword_rows (id, chunk_id, version_id) SELECT 1 + coalesce("
        " (SELECT max(id) FROM keyword_rows WHERE id BETWEEN scope.id << 32 AND ((scope.id + 1) << 32) - 1),"
        " scope.id << 32), :chunk_id, :version_id"
        " FROM keyword_scopes AS scope WHERE collection_id = :collection_id AND chunker = :chunker",
        "INSERT INTO keyword_text (rowid, text) SELECT id, :text FROM keyword_rows WHERE chunk_id = :chunk_id",
    ),
    "postgresql": (
        "INSERT INTO keyword_rows (chunk_id, version_id, collection_id, chunker, text)"
        " VALUES (:chunk_id, :version_id, :collection_id, :chunker, to_tsvector('english', :text))",
    ),
}
# What is known of where rows lie holds no longer when a version that answers gets more of them; see migration 0016.
_MOVED = (
    "UPDATE keyword_scopes SET moves = moves + 1 WHERE collection_id = :collection_id AND chunker = :chunker"
    " AND EXISTS (SELECT 1 FROM documents WHERE active_version_id = :version_id)"
)
# The same score as in SQLite (app/adapters/sql/postings.py): the sum of the weights of the terms that a row holds.
_POSTGRES_QUERY = """
    WITH held AS (
        SELECT chunk_id, text FROM keyword_rows WHERE collection_id = :collection_id AND chunker = :chunker
            AND (:everywhere OR version_id = ANY(:version_ids))
    ), term AS (
        SELECT DISTINCT phraseto_tsquery('english', word) AS query FROM unnest(CAST(:terms AS text[])) AS word
    ), found AS (
        SELECT query, chunk_id FROM term JOIN held ON text @@ query
    ), weight AS (
        SELECT query, ln(1 + ((SELECT count(*) FROM held) - count(*) + 0.5) / (count(*) + 0.5)) AS weight
        FROM found GROUP BY query
    )
    SELECT chunk_id, sum(round(weight::numeric, 9)) AS score FROM found JOIN weight USING (query)
    GROUP BY chunk_id ORDER BY score DESC, chunk_id LIMIT :limit
"""

_VERSION_IDS = {
    "sqlite": (
        "SELECT DISTINCT version_id FROM keyword_scopes AS scope JOIN keyword_rows"
        " ON keyword_rows.id BETWEEN scope.id << 32 AND ((scope.id + 1) << 32) - 1 WHERE collection_id = :collection_id"
    ),
    "postgresql": "SELECT DISTINCT version_id FROM keyword_rows WHERE collection_id = :collection_id",
}
_HELD_ELSEWHERE = {
    "sqlite": (
        "SELECT 1 FROM keyword_text JOIN keyword_rows ON keyword_rows.id = keyword_text.rowid"
        " WHERE keyword_text MATCH :text AND version_id NOT IN :version_ids LIMIT 1"
    ),
    "postgresql": (
        "SELECT 1 FROM keyword_rows WHERE text @@ phraseto_tsquery('english', :text)"
        " AND version_id NOT IN :version_ids LIMIT 1"
    ),
}


class SqlKeywordIndex:
    """KeywordIndex of pipelines/ports.py, in the catalog's database."""

    def __init__(self, catalog: SqlCatalog) -> None:
        self._catalog = catalog
        self._kind = "sqlite" if catalog.is_sqlite else "postgresql"
        self._known: OrderedDict[tuple[int, int, str], Runs] = OrderedDict()
        self._lock = threading.Lock()

    async def upsert(self, collection_id: str, rows: Sequence[Chunk]) -> None:
        values = [
            {
                "chunk_id": chunk.id,
                "version_id": chunk.version_id,
                "collection_id": collection_id,
                "chunker": chunk.chunker,
                "text": " ".join(_words(" ".join((*chunk.heading_path, chunk.text)))),
            }
            for chunk in rows
        ]

        def write(connection: Connection) -> None:
            for statement in (*_DELETE_CHUNK[self._kind], *_INSERT[self._kind]):
                connection.execute(sql(statement), values)
            if self._kind == "sqlite":
                each = {value["version_id"]: value for value in values}
                connection.execute(sql(_MOVED), list(each.values()))

        if values:
            await self._write(write)

    async def query(
        self,
        generation: Generation,
        text: str,
        limit: int,
        within: Selection | None = None,
        phrases: Sequence[str] = (),
    ) -> list[Hit]:
        words = telling(" ".join(_words(text)))
        terms = list(dict.fromkeys([*words, *(" ".join(_words(each)) for each in phrases)]))[:_MAX_TERMS]
        terms = [term for term in terms if term]
        if not terms or (within is not None and not within.version_ids):
            return []

        def read() -> list[Hit]:
            with self._catalog.snapshot() as connection:
                if self._kind == "sqlite":
                    return self._in_sqlite(connection, generation, terms, limit, within)
                return _in_postgres(connection, generation, terms, limit, within)

        return await _in_thread(read)

    async def chunk_ids(self, version_id: str) -> set[str]:
        def read() -> set[str]:
            with self._catalog.snapshot() as connection:
                query = sql("SELECT chunk_id FROM keyword_rows WHERE version_id = :version_id")
                return set(connection.execute(query, {"version_id": version_id}).scalars())

        return await _in_thread(read)

    async def version_ids(self, collection_id: str) -> set[str]:
        def read() -> set[str]:
            with self._catalog.snapshot() as connection:
                query = sql(_VERSION_IDS[self._kind])
                return set(connection.execute(query, {"collection_id": collection_id}).scalars())

        return await _in_thread(read)

    async def elsewhere(self, version_ids: Collection[str], texts: Sequence[str]) -> set[str]:
        query = sql(_HELD_ELSEWHERE[self._kind]).bindparams(bindparam("version_ids", expanding=True, type_=String))

        def held(connection: Connection, text: str) -> bool:
            words = " ".join(_words(text))
            phrase = f'"{words}"' if self._kind == "sqlite" else words
            return connection.execute(query, {"text": phrase, "version_ids": list(version_ids)}).first() is not None

        def read() -> set[str]:
            with self._catalog.snapshot() as connection:
                return {text for text in texts if held(connection, text)}

        return await _in_thread(read)

    async def delete_version(self, version_id: str) -> None:
        def write(connection: Connection) -> None:
            for statement in _DELETE_VERSION[self._kind]:
                deleted = connection.execute(sql(statement), {"version_id": version_id})
            if deleted.rowcount and self._kind == "sqlite":
                connection.execute(sql(_FORGET))

        await self._write(write)

    async def delete(self, chunk_ids: Collection[str]) -> None:
        def write(connection: Connection) -> None:
            for statement in _DELETE_CHUNK[self._kind]:
                connection.execute(sql(statement), [{"chunk_id": chunk_id} for chunk_id in chunk_ids])

        if chunk_ids:
            await self._write(write)

    async def ping(self) -> None:
        def read() -> None:
            with self._catalog.snapshot() as connection:
                connection.execute(sql("SELECT 1 FROM keyword_rows LIMIT 1"))

        await _in_thread(read)

    def _in_sqlite(
        self,
        connection: Connection,
        generation: Generation,
        terms: Sequence[str],
        limit: int,
        within: Selection | None,
    ) -> list[Hit]:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        with _translated():
            of = (generation.collection_id, generation.chunker)
            query = "SELECT id, moves FROM keyword_scopes WHERE collection_id = ? AND chunker = ?"
            known = driver.execute(query, of).fetchone()
            if known is None:
                return []
            scope = Scope.numbered(known[0])
            runs = None if within is None else self._runs(driver, scope, known, within)
            return [Hit(chunk_id, score) for chunk_id, score in best(driver, scope, terms, limit, runs)]

    def _runs(self, driver: sqlite3.Connection, scope: Scope, numbered: tuple[int, int], within: Selection) -> Runs:
        """Where the selection's rows lie. They are looked for again when some moved (`numbered`)."""
        key = (*numbered, within.key)
        with self._lock:
            runs = self._known.pop(key, None)
        if runs is None:
            runs = _runs_of(driver, scope, within.version_ids)
        with self._lock:
            self._known[key] = runs
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return runs

    async def _write(self, work: Callable[[Connection], None]) -> None:
        def write() -> None:
            with self._catalog.connection() as connection:
                work(connection)

        await _in_thread(write)


def _runs_of(driver: sqlite3.Connection, scope: Scope, version_ids: Sequence[str]) -> Runs:
    query = (
        "SELECT version_id, min(keyword_rows.id), max(keyword_rows.id), count(*) FROM json_each(?) JOIN keyword_rows"
        " ON version_id = json_each.value WHERE keyword_rows.id BETWEEN ? AND ? GROUP BY version_id"
    )
    spans, scattered = [], []
    for version_id, first, last, count in driver.execute(query, (json.dumps(version_ids), *scope)):
        if count == last - first + 1:
            spans.append((first, last))
        else:
            scattered.append(version_id)
    query = (
        "SELECT keyword_rows.id, keyword_rows.id FROM json_each(?) JOIN keyword_rows ON version_id = json_each.value"
        " WHERE keyword_rows.id BETWEEN ? AND ?"
    )
    return Runs.of([*spans, *driver.execute(query, (json.dumps(scattered), *scope))])


def _in_postgres(
    connection: Connection,
    generation: Generation,
    terms: Sequence[str],
    limit: int,
    within: Selection | None,
) -> list[Hit]:
    values = {
        "collection_id": generation.collection_id,
        "chunker": generation.chunker,
        "terms": list(terms),
        "limit": limit,
        "everywhere": within is None,
        "version_ids": list(within.version_ids) if within else [],
    }
    return [Hit(chunk_id, float(score)) for chunk_id, score in connection.execute(sql(_POSTGRES_QUERY), values)]


@contextmanager
def _translated() -> Iterator[None]:
    """The driver's own errors, of the part that SQLAlchemy does not see."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise IndexUnavailable(f"The keyword index does not answer: {error}") from error


def _words(text: str) -> list[str]:
    """Words without case and accents, however those are encoded."""
    return _WORD.findall(_ACCENTS.sub("", unicodedata.normalize("NFKD", text)).lower())


async def _in_thread(work: Callable[[], R]) -> R:
    try:
        return await asyncio.to_thread(work)
    except DependencyUnavailable as error:
        raise IndexUnavailable(error.detail) from error
