"""Vectors in Chroma: one Chroma collection a generation, ids of chunks, never their text (docs/adr/0006)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import httpx
import numpy as np

from pipelines.domain.chunks import Chunk
from pipelines.domain.documents import Generation
from pipelines.domain.errors import IndexUnavailable
from pipelines.ports import Hit, Vectors

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection

R = TypeVar("R")

_BATCH = 1_000


class ChromaIndex:
    """VectorIndex of pipelines/ports.py, in a folder (in this process) or on a Chroma server."""

    def __init__(
        self,
        *,
        path: Path | None = None,
        url: str | None = None,
        read_timeout_s: float = 15,
        write_timeout_s: float = 60,
    ) -> None:
        """A folder's `path`, or a server's `url`; opens nothing."""
        self._path = path
        self._url = url
        self._read_timeout_s = read_timeout_s
        self._write_timeout_s = write_timeout_s
        self._opening = threading.Lock()
        self._client: ClientAPI | None = None

    async def upsert(self, generation: Generation, rows: Sequence[Chunk], vectors: Vectors) -> None:
        def write() -> None:
            collection = self._opened().get_or_create_collection(
                _name(generation), configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
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
        await _run(write, self._write_timeout_s)

    async def query(self, generation: Generation, vector: Vectors, limit: int) -> list[Hit]:
        def read() -> list[Hit]:
            collection = self._found(generation)
            if collection is None:
                return []
            found = collection.query(query_embeddings=np.asarray([vector]), n_results=limit, include=["distances"])
            distances = (found["distances"] or [[]])[0]
            return [
                Hit(chunk_id, 1 - float(distance))
                for chunk_id, distance in zip(found["ids"][0], distances, strict=True)
            ]

        return await _run(read, self._read_timeout_s)

    async def chunk_ids(self, generation: Generation, version_id: str) -> set[str]:
        def read() -> set[str]:
            collection = self._found(generation)
            if collection is None:
                return set()
            return set(collection.get(where={"version_id": version_id}, include=[])["ids"])

        return await _run(read, self._read_timeout_s)

    async def delete_version(self, generation: Generation, version_id: str) -> None:
        def remove() -> None:
            collection = self._found(generation)
            if collection is not None:
                collection.delete(where={"version_id": version_id})

        await _run(remove, self._write_timeout_s)

    async def drop(self, generation: Generation) -> None:
        def remove() -> None:
            if self._found(generation) is not None:
                self._opened().delete_collection(_name(generation))

        await _run(remove, self._write_timeout_s)

    async def ping(self) -> None:
        await _run(lambda: self._opened().heartbeat(), self._read_timeout_s)

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

        await _run(close, self._write_timeout_s)

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


def _sessions(client: ClientAPI) -> list[httpx.Client]:
    """What a client sends its requests with: not public, but there is no other way to limit or to close them."""
    return [each._server._session for each in (client, client._admin_client)]


async def _run(work: Callable[[], R], timeout_s: float) -> R:
    """In a thread, with a time limit. Chroma's errors have no common ancestor but Exception."""
    try:
        async with asyncio.timeout(timeout_s):
            return await asyncio.to_thread(work)
    except Exception as error:
        raise IndexUnavailable(f"The vector index does not answer ({type(error).__name__}).") from error


def _name(generation: Generation) -> str:
    return generation.id
