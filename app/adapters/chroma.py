"""Vectors in Chroma: one Chroma collection a generation, ids of chunks, never their text (docs/adr/0006)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import httpx
import numpy as np

from app.adapters import chroma_files
from app.adapters.nearest import BEYOND, Near, Nearest, Stored
from pipelines.domain.chunks import Chunk
from pipelines.domain.documents import Generation
from pipelines.domain.errors import IndexUnavailable
from pipelines.domain.views import Selection
from pipelines.ports import Hit, Vectors

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection
    from chromadb.api.types import Where

R = TypeVar("R")

_BATCH = 1_000
_THREADS = 8
_PAGE = 10_000
_VERSIONS = 100  # whose vectors are read at once
_MOST_NAMED = 500  # versions that Chroma is asked for by name; of more, it proposes from everything
_MEMORY_BYTES = 512 * 1024 * 1024
_OWNER = "collection_id"
_NEAR, _SAME = 5, 1e-5  # a search for a vector itself: so many results, and the distance within which two are one
_SYNC_THRESHOLD = 1_000  # changes after which Chroma writes its log into the graph's files, if not told otherwise


class ChromaIndex:
    """VectorIndex of pipelines/ports.py, in a folder (in this process) or on a Chroma server."""

    def __init__(
        self,
        *,
        path: Path | None = None,
        url: str | None = None,
        read_timeout_s: float = 15,
        write_timeout_s: float = 60,
        memory_bytes: int = _MEMORY_BYTES,
    ) -> None:
        """A folder's `path`, or a server's `url`; opens nothing. `memory_bytes`: for vectors that are searched exactly."""
        self._path = path
        self._url = url
        self._read_timeout_s = read_timeout_s
        self._write_timeout_s = write_timeout_s
        self._memory_bytes = memory_bytes
        self._nearest = Nearest(memory_bytes)
        self._loading: dict[tuple[str, str], asyncio.Task[Near]] = {}
        self._one_load = asyncio.Lock()
        self._opening = threading.Lock()
        self._client: ClientAPI | None = None
        self._threads = ThreadPoolExecutor(_THREADS, "chroma")  # a server that says nothing keeps these, and no other's

    @property
    def local(self) -> bool:
        """Whether its files are on this machine."""
        return self._path is not None

    async def upsert(self, generation: Generation, rows: Sequence[Chunk], vectors: Vectors) -> None:
        def write() -> None:
            collection = _settled(
                self._opened().get_or_create_collection(
                    _name(generation),
                    configuration={"hnsw": {"space": "cosine"}},
                    metadata={_OWNER: generation.collection_id},
                    embedding_function=None,
                )
            )
            for first in range(0, len(rows), _BATCH):
                batch = rows[first : first + _BATCH]
                collection.upsert(
                    ids=[chunk.id for chunk in batch],
                    embeddings=vectors[first : first + _BATCH],
                    metadatas=[{"version_id": chunk.version_id} for chunk in batch],
                )

        if len(rows) != len(vectors):
            raise ValueError(f"{len(rows)} chunks and {len(vectors)} vectors")
        try:
            await self._run(write, self._write_timeout_s)
        finally:
            self._nearest.forget(generation.id, {chunk.version_id for chunk in rows})

    async def query(
        self, generation: Generation, vector: Vectors, limit: int, within: Selection | None = None
    ) -> list[Hit]:
        """Within a selection that has room in memory, exactly; else as Chroma's graph finds them."""
        if within is not None and self._memory_bytes:
            near = await self._near(generation, within)
            if near is not BEYOND:
                return await asyncio.to_thread(near.best, vector, limit)
        named = within if within is not None and len(within.version_ids) <= _MOST_NAMED else None

        def read() -> list[Hit]:
            collection = self._found(generation)
            if collection is None:
                return []
            where: Where | None = None if named is None else {"version_id": {"$in": list(named.version_ids)}}
            found = collection.query(
                query_embeddings=np.asarray([vector]), n_results=limit, where=where, include=["distances"]
            )
            distances = (found["distances"] or [[]])[0]
            return [
                Hit(chunk_id, 1 - float(distance))
                for chunk_id, distance in zip(found["ids"][0], distances, strict=True)
            ]

        return await self._run(read, self._read_timeout_s)

    async def _near(self, generation: Generation, within: Selection) -> Near:
        """From memory; else it is loaded, which goes on when nobody waits any more."""
        if known := self._nearest.get(generation.id, within):
            return known
        key = generation.id, within.key
        if key not in self._loading:
            self._loading[key] = asyncio.create_task(self._load(generation, within))
            self._loading[key].add_done_callback(lambda ended: (ended.exception(), self._loading.pop(key)))
        return await asyncio.shield(self._loading[key])

    async def _load(self, generation: Generation, within: Selection) -> Near:
        load = partial(self._nearest.load, generation.id, within, partial(self._stored, generation))
        async with self._one_load:  # what two selections share is read once
            return await self._run(load, self._write_timeout_s)

    def _stored(self, generation: Generation, version_ids: Sequence[str]) -> Iterator[Stored]:
        collection = self._found(generation) if version_ids else None
        if collection is None:
            return
        for first in range(0, len(version_ids), _VERSIONS):
            where: Where = {"version_id": {"$in": list(version_ids[first : first + _VERSIONS])}}
            held = collection.get(where=where, include=["embeddings", "metadatas"])
            rows: dict[str, list[int]] = {}
            for row, metadata in enumerate(held["metadatas"] or []):
                rows.setdefault(str(metadata["version_id"]), []).append(row)
            vectors = np.asarray(held["embeddings"], dtype=np.float32)
            yield {id_: ([held["ids"][row] for row in own], vectors[own]) for id_, own in rows.items()}

    async def chunk_ids(self, generation: Generation, version_id: str) -> set[str]:
        def read() -> set[str]:
            collection = self._found(generation)
            if collection is None:
                return set()
            return set(collection.get(where={"version_id": version_id}, include=[])["ids"])

        return await self._run(read, self._read_timeout_s)

    async def unreachable(self, generation: Generation, version_id: str) -> set[str]:
        def read() -> set[str]:
            collection = self._found(generation)
            if collection is None:
                return set()
            held = collection.get(where={"version_id": version_id}, include=["embeddings"])
            missed: set[str] = set()
            for first in range(0, len(held["ids"]), _BATCH):
                ids, vectors = (np.asarray(held[key][first : first + _BATCH]) for key in ("ids", "embeddings"))
                found = collection.query(query_embeddings=vectors, n_results=_NEAR, include=["distances"])
                for chunk_id, near, distances in zip(ids, found["ids"], found["distances"] or [], strict=True):
                    if chunk_id not in near and distances[-1] > _SAME:  # others with the same text may stand before it
                        missed.add(str(chunk_id))
            return missed

        return await self._run(read, self._write_timeout_s)

    async def version_ids(self, generation: Generation) -> set[str]:
        def read() -> set[str]:
            collection = self._found(generation)
            if collection is None:
                return set()
            found: set[str] = set()
            for first in range(0, collection.count(), _PAGE):
                page = collection.get(limit=_PAGE, offset=first, include=["metadatas"])
                found.update(str(metadata["version_id"]) for metadata in page["metadatas"] or [])
            return found

        return await self._run(read, self._write_timeout_s)

    async def vectors(self, generation: Generation, chunk_ids: Sequence[str]) -> Vectors:
        def read() -> Vectors:
            collection = self._found(generation)
            found = collection.get(ids=list(chunk_ids), include=["embeddings"]) if collection and chunk_ids else None
            held = found["embeddings"] if found else None
            if held is None or not len(held):
                return np.empty((0, generation.dimensions), dtype=np.float32)
            return np.asarray(held, dtype=np.float32)

        return await self._run(read, self._read_timeout_s)

    async def stored(self, generation: Generation, version_id: str) -> tuple[list[str], Vectors]:
        def read() -> tuple[list[str], Vectors]:
            for each in self._stored(generation, [version_id]):
                if version_id in each:
                    ids, vectors = each[version_id]
                    return list(ids), vectors
            return [], np.empty((0, generation.dimensions), dtype=np.float32)

        return await self._run(read, self._read_timeout_s)

    async def generation_ids(self, collection_id: str) -> set[str]:
        def read() -> set[str]:
            held = self._opened().list_collections()
            return {each.name for each in held if (each.metadata or {}).get(_OWNER) == collection_id}

        return await self._run(read, self._read_timeout_s)

    async def count(self) -> int:
        """Vectors of all generations."""

        def read() -> int:
            return sum(each.count() for each in self._opened().list_collections())

        return await self._run(read, self._read_timeout_s)

    async def delete_version(self, generation: Generation, version_id: str) -> None:
        """Overwrites before it deletes: Chroma only forgets where a deleted vector lies (docs/adr/0012)."""

        def remove() -> None:
            collection = self._found(generation)
            if collection is None:
                return
            ids = collection.get(where={"version_id": version_id}, include=[])["ids"]
            noise = np.random.default_rng().normal(size=(len(ids), generation.dimensions)).astype(np.float32)
            for first in range(0, len(ids), _BATCH):
                batch = ids[first : first + _BATCH]
                collection.update(ids=batch, embeddings=noise[first : first + _BATCH])
                collection.delete(ids=batch)

        try:
            await self._run(remove, self._write_timeout_s)
        finally:
            self._nearest.forget(generation.id, [version_id])

    async def scrub(self, generation: Generation) -> None:
        """Takes what was deleted off the disk, where the disk is ours: out of the log, the graph and free pages."""

        def scrub() -> None:
            collection = self._found(generation)
            if collection is not None:
                nothing = [f"nothing-{number}" for number in range(_SYNC_THRESHOLD)]
                _settled(collection).delete(ids=nothing)  # the log is written out
            self._shrink()

        await self._run(scrub, self._write_timeout_s)

    async def drop(self, generation: Generation) -> None:
        def remove() -> None:
            if self._found(generation) is not None:
                self._opened().delete_collection(_name(generation))
                self._shrink()

        try:
            await self._run(remove, self._write_timeout_s)
        finally:
            self._nearest.drop(generation.id)

    def _shrink(self) -> None:
        if self._path is not None:
            chroma_files.shrink(self._path, self._write_timeout_s)

    async def ping(self) -> None:
        await self._run(lambda: self._opened().heartbeat(), self._read_timeout_s)

    async def close(self) -> None:
        def close() -> None:
            with self._opening:
                if self._client is None:
                    return
                self._client.close()
                if self._url is not None:
                    for session in _sessions(self._client):
                        session.close()
                self._client = None

        await self._run(close, self._write_timeout_s)

    async def _run(self, work: Callable[[], R], timeout_s: float) -> R:
        """In a thread, with a time limit. Chroma's errors have no common ancestor but Exception."""
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except Exception as error:
            raise IndexUnavailable(f"The vector index does not answer ({type(error).__name__}).") from error

    def _found(self, generation: Generation) -> Collection | None:
        """None when nothing was ever written to the generation, or it was dropped; looking makes nothing."""
        from chromadb.errors import NotFoundError

        try:
            return self._opened().get_collection(_name(generation), embedding_function=None)
        except NotFoundError:
            return None

    def _opened(self) -> ClientAPI:
        with self._opening:
            if self._client is None:
                self._client = self._open()
            return self._client

    def _open(self) -> ClientAPI:
        import chromadb
        from chromadb.config import Settings

        settings = Settings(anonymized_telemetry=False)
        if self._url is None:
            return chromadb.PersistentClient(path=str(self._path), settings=settings)
        address = urlsplit(self._url)
        secure = address.scheme == "https"
        port = address.port or (443 if secure else 80)
        # Chroma's client would wait for ever, here and at each call, and keep its thread.
        httpx.get(f"{self._url.rstrip('/')}/api/v2/heartbeat", timeout=self._read_timeout_s).raise_for_status()
        client = chromadb.HttpClient(host=address.hostname or "", port=port, ssl=secure, settings=settings)
        for session in _sessions(client):
            session.timeout = httpx.Timeout(self._write_timeout_s)
        return client


def _settled(collection: Collection) -> Collection:
    """The same, read once. Whoever writes reads first.

    When the first read of a process comes after a write, Chroma 1.5 forgets which of its log the graph has, puts all of it in
    again at the next write, on several threads beside the new vectors, and one in forty of those is then in no search's reach
    (`LocalHnswSegmentWriter.apply_log_chunk`: `last_seen_seq_id` falls to 0).
    """
    collection.count()
    return collection


def _sessions(client: ClientAPI) -> list[httpx.Client]:
    """What a client sends its requests with: not public, but there is no other way to limit or to close them."""
    return [each._server._session for each in (client, client._admin_client)]


def _name(generation: Generation) -> str:
    return generation.id
