"""The keyword index: SQLite's FTS5 with its BM25, or PostgreSQL's full text with rare words weighted as BM25 does.

Both are given words that were cut and folded here: left to itself, PostgreSQL reads "COVID-19" as a negative number and
a web address as one word, and keeps accents.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy import text as sql

from app.adapters.sql.catalog import SqlCatalog
from pipelines.domain.chunks import Chunk
from pipelines.domain.errors import DependencyUnavailable, IndexUnavailable
from pipelines.ports import Hit

R = TypeVar("R")

_WORD = re.compile(r"\w+")
_ACCENTS = re.compile("[\u0300-\u036f]")
_MAX_TERMS = 64
# Words that almost every passage holds: they cost time and decide nothing.
_STOP_WORDS = frozenset(
    """
    a an and are as at be been but by can could did do does for from had has have how i if in into is it its may me my
    no not of on or our should so than that the their them then there these they this those to was we were what when
    where which who whom whose why will with would you your
    """.split()  # noqa: SIM905 - a list to be read
)

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
        "INSERT INTO keyword_rows (chunk_id, version_id, collection_id) VALUES (:chunk_id, :version_id, :collection_id)",
        "INSERT INTO keyword_text (rowid, text) SELECT id, :text FROM keyword_rows WHERE chunk_id = :chunk_id",
    ),
    "postgresql": (
        "INSERT INTO keyword_rows (chunk_id, version_id, collection_id, text)"
        " VALUES (:chunk_id, :version_id, :collection_id, to_tsvector('english', :text))",
    ),
}
_QUERY = {
    "sqlite": (
        "SELECT chunk_id, -bm25(keyword_text) AS score FROM keyword_text"
        " JOIN keyword_rows ON keyword_rows.id = keyword_text.rowid"
        " WHERE keyword_text MATCH :terms AND collection_id = :collection_id"
        " ORDER BY score DESC, chunk_id LIMIT :limit"
    ),
    # ts_rank grows less with each occurrence, but counts all words alike: on its own, one frequent word repeated wins.
    "postgresql": """
        WITH term AS (
            SELECT DISTINCT plainto_tsquery('english', word) AS query FROM unnest(CAST(:terms AS text[])) AS word
        ), found AS (
            SELECT query, chunk_id, ts_rank(text, query, 1) AS rank
            FROM term JOIN keyword_rows ON text @@ query WHERE collection_id = :collection_id
        ), weight AS (
            SELECT query, ln(1 + (SELECT count(*) FROM keyword_rows WHERE collection_id = :collection_id)
                / count(*)::float) AS weight FROM found GROUP BY query
        )
        SELECT chunk_id, sum(rank * weight) AS score FROM found JOIN weight USING (query)
        GROUP BY chunk_id ORDER BY score DESC, chunk_id LIMIT :limit
    """,
}


class SqlKeywordIndex:
    """KeywordIndex of pipelines/ports.py, in the catalog's database."""

    def __init__(self, catalog: SqlCatalog) -> None:
        self._catalog = catalog
        self._kind = "sqlite" if catalog.is_sqlite else "postgresql"

    async def upsert(self, collection_id: str, rows: Sequence[Chunk]) -> None:
        values = [
            {
                "chunk_id": chunk.id,
                "version_id": chunk.version_id,
                "collection_id": collection_id,
                "text": " ".join(_words(" ".join((*chunk.heading_path, chunk.text)))),
            }
            for chunk in rows
        ]

        def write(connection: Connection) -> None:
            for statement in (*_DELETE_CHUNK[self._kind], *_INSERT[self._kind]):
                connection.execute(sql(statement), values)

        if values:
            await self._write(write)

    async def query(self, collection_id: str, text: str, limit: int) -> list[Hit]:
        words = _telling(text)
        if not words:
            return []
        terms = " OR ".join(f'"{word}"' for word in words) if self._kind == "sqlite" else words
        values = {"terms": terms, "collection_id": collection_id, "limit": limit}

        def read() -> list[Hit]:
            with self._catalog.snapshot() as connection:
                found = connection.execute(sql(_QUERY[self._kind]), values)
                return [Hit(chunk_id, float(score)) for chunk_id, score in found]

        return await _in_thread(read)

    async def chunk_ids(self, version_id: str) -> set[str]:
        def read() -> set[str]:
            with self._catalog.snapshot() as connection:
                query = sql("SELECT chunk_id FROM keyword_rows WHERE version_id = :version_id")
                return set(connection.execute(query, {"version_id": version_id}).scalars())

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

    async def _write(self, work: Callable[[Connection], None]) -> None:
        def write() -> None:
            with self._catalog.connection() as connection:
                work(connection)

        await _in_thread(write)


def _telling(question: str) -> list[str]:
    """The words of a question that tell passages apart; nothing a person types is syntax."""
    words = list(dict.fromkeys(_words(question)))
    return ([word for word in words if word not in _STOP_WORDS] or words)[:_MAX_TERMS]


def _words(text: str) -> list[str]:
    """Words without case and accents, however those are encoded."""
    return _WORD.findall(_ACCENTS.sub("", unicodedata.normalize("NFKD", text)).lower())


async def _in_thread(work: Callable[[], R]) -> R:
    try:
        return await asyncio.to_thread(work)
    except DependencyUnavailable as error:
        raise IndexUnavailable(error.detail) from error
