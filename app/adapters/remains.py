"""Searches for remains of a deleted document: the bytes of every file of the data folder, and the rows of the catalog."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from sqlalchemy import text as sql

from app.adapters.redis_cache import RedisCache
from app.adapters.sql import SqlCatalog, SqlKeywordIndex
from pipelines import erasure
from pipelines.domain.erasure import Canaries, Searched
from pipelines.ports import Workers

PLANS = "erasing"  # the kind of file that holds what is searched for
_STORES = {
    "catalog.sqlite3": "catalog and keyword index",
    "workflows.sqlite3": "workflow journal",
    "chroma": "vector index",
    "caches.sqlite3": "cache",
    "files": "files",
    "incoming": "uploads on their way",
}
_PROGRAM = "models"  # of the embedding model: it came with the program
_OF_VERSIONS = ("originals", "redacted", "parsed", "vectors", "set-aside")


class FolderRemains:
    """Remains of pipelines/ports.py: every file under the data folder and under what else the operator names.

    It reads in worker processes, never here: closing a file of a database would undo the database's own locks on it.
    """

    def __init__(self, data_dir: Path, others: Sequence[Path], workers: Workers) -> None:
        self._data_dir = data_dir
        self._others = others
        self._workers = workers

    async def search(self, canaries: Canaries, version_ids: Collection[str]) -> list[Searched]:
        amounts: dict[str, int] = defaultdict(int)
        found: dict[str, int] = defaultdict(int)
        for store, path in await asyncio.to_thread(lambda: list(self._files(set(version_ids)))):
            size = await asyncio.to_thread(_size, path)
            amounts[store] += size
            if size:
                vectors = store == _STORES["chroma"]
                found[store] += await self._workers.run(erasure.remains, path, canaries, vectors=vectors)
        return [Searched(store, amounts[store], "bytes", len(canaries), found[store]) for store in sorted(amounts)]

    def _files(self, version_ids: set[str]) -> Iterator[tuple[str, Path]]:
        """Each file with the name of its store; what is named for another document's version belongs to that one."""
        for path in sorted(self._data_dir.rglob("*")):
            parts = path.relative_to(self._data_dir).parts
            if path.is_symlink() or not path.is_file() or parts[0] == _PROGRAM:
                continue
            if parts[0] == "files" and (
                parts[1] == PLANS or (parts[1] in _OF_VERSIONS and parts[2] not in version_ids)
            ):
                continue
            yield _store(path, parts), path
        for other in self._others:
            for path in sorted(other.rglob("*")) if other.is_dir() else [other]:
                if path.is_file():
                    yield str(other), path


class SqlRemains:
    """Remains in a database that is asked rather than read: the words an index holds, the rows that a server keeps."""

    def __init__(self, catalog: SqlCatalog, keywords: SqlKeywordIndex) -> None:
        self._catalog = catalog
        self._keywords = keywords

    async def search(self, canaries: Canaries, version_ids: Collection[str]) -> list[Searched]:  # noqa: ARG002
        """An index keeps stems, or what a word does not share with the one before: it is found by asking only."""
        words = (*canaries.words, *canaries.others)
        held = await self._keywords.elsewhere([], words)
        rows = await asyncio.to_thread(self._count, "keyword_rows")
        searched = [Searched("keyword index, asked", rows, "rows", len(words), len(held))]
        return searched if self._catalog.is_sqlite else [*searched, await asyncio.to_thread(self._in_server, canaries)]

    def _count(self, table: str) -> int:
        with self._catalog.snapshot() as connection:
            return int(connection.execute(sql(f'SELECT count(*) FROM "{table}"')).scalar_one())  # noqa: S608

    def _in_server(self, canaries: Canaries) -> Searched:
        self._catalog.vacuum()
        found = total = 0
        with self._catalog.snapshot() as connection:
            tables = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
            for table in connection.execute(sql(tables)).scalars().all():
                total += connection.execute(sql(f'SELECT count(*) FROM "{table}"')).scalar_one()  # noqa: S608
                query = sql(f'SELECT 1 FROM "{table}" AS line WHERE position(:word IN lower(line::text)) > 0 LIMIT 1')  # noqa: S608
                found += sum(connection.execute(query, {"word": word}).first() is not None for word in canaries.words)
        return Searched("catalog, asked", total, "rows", len(canaries.words), found)


class RedisRemains:
    """Remains in the cache that lies in Redis."""

    def __init__(self, cache: RedisCache) -> None:
        self._cache = cache

    async def search(self, canaries: Canaries, version_ids: Collection[str]) -> list[Searched]:  # noqa: ARG002
        """Raises CacheUnavailable."""
        return [await asyncio.to_thread(self._look, canaries)]

    def _look(self, canaries: Canaries) -> Searched:
        contents = list(self._cache.contents())
        found = erasure.remains_in(contents, canaries)
        return Searched("cache, asked", sum(map(len, contents)), "bytes", len(canaries), found)


def _store(path: Path, parts: Sequence[str]) -> str:
    first = parts[0].removesuffix("-wal").removesuffix("-shm").removesuffix("-journal")
    return _STORES.get(first) or ("logs" if path.suffix == ".log" else "other files")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
