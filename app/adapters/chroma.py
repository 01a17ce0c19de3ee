"""Vectors in Chroma: one Chroma collection a generation, ids of chunks, never their text (docs/adr/0006)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

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
_TIMEOUT_S = 60


class ChromaIndex:
    """VectorIndex of pipelines/ports.py, in a folder (in this process) or on a Chroma server."""

    def __init__(self, *, path: Path | None = None, url: str | None = None) -> None:
        self._path = path
        self._url = url
        self._opening = threading.Lock()
        self._client: ClientAPI | None = None

    async def upsert(self, generation: Generation, rows: Sequence[Chunk], vectors: Vectors) -> None:
        def write() -> None:
            collection = self._collection(generation)
            for first in range(0, len(rows), _BATCH):
                batch = rows[first : first + _BATCH]
                collection.upsert(
                    ids=[chunk.id for chunk in batch],
                    embeddings=vectors[first : first + _BATCH],
                    metadatas=[{"version_id": chunk.version_id} for chunk in batch],
                )

        if len(rows) != len(vectors):
            raise ValueError(f"{len(rows)} chunks and {len(vectors)} vectors")
        await self._run(write)

    async def query(self, generation: Generation, vector: Vectors, limit: int) -> list[Hit]:
        def read() -> list[Hit]:
            collection = self._collection(generation)
            found = collection.query(query_embeddings=np.asarray([vector]), n_results=limit, include=["distances"])
            distances = (found["distances"] or [[]])[0]
            return [
                Hit(chunk_id, 1 - float(distance))
                for chunk_id, distance in zip(found["ids"][0], distances, strict=True)
            ]

        return await self._run(read)

    async def chunk_ids(self, generation: Generation, version_id: str) -> set[str]:
        def read() -> set[str]:
            found = self._collection(generation).get(where={"version_id": version_id}, include=[])
            return set(found["ids"])

        return await self._run(read)

    async def delete_version(self, generation: Generation, version_id: str) -> None:
        await self._run(lambda: self._collection(generation).delete(where={"version_id": version_id}))

    async def drop(self, generation: Generation) -> None:
        from chromadb.errors import NotFoundError

        def remove() -> None:
            try:
                self._opened().delete_collection(_name(generation))
            except (NotFoundError, ValueError):  # it is gone already
                return

        await self._run(remove)

    async def ping(self) -> None:
        await self._run(lambda: self._opened().heartbeat())

    async def close(self) -> None:
        self._client = None

    def _collection(self, generation: Generation) -> Collection:
        return self._opened().get_or_create_collection(
            _name(generation), configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
        )

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
        return chromadb.HttpClient(
            host=address.hostname or "", port=address.port or (443 if secure else 80), ssl=secure, settings=settings
        )

    async def _run(self, work: Callable[[], R]) -> R:
        """In a thread, with a time limit. Chroma's errors have no common ancestor but Exception."""
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                return await asyncio.to_thread(work)
        except Exception as error:
            raise IndexUnavailable(f"The vector index does not answer ({type(error).__name__}).") from error


def _name(generation: Generation) -> str:
    return generation.id
