"""Where things are kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from app.adapters.blobs import FolderBlobs
from app.adapters.chroma import ChromaIndex
from app.adapters.memory_meters import MemoryMeters
from app.adapters.redis_cache import RedisCache
from app.adapters.redis_meters import RedisMeters
from app.adapters.s3_blobs import S3Blobs
from app.adapters.signing import Ed25519Signer
from app.adapters.sql import SqlCatalog, SqlKeywordIndex
from app.adapters.sql.audit import SqlAuditLog
from app.adapters.sqlite_cache import SqliteCache
from app.services.kept import limits
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Stores:
    catalog: SqlCatalog
    keywords: SqlKeywordIndex
    vectors: ChromaIndex
    blobs: FolderBlobs | S3Blobs
    signer: Ed25519Signer
    audit: SqlAuditLog
    cache: SqliteCache | RedisCache
    meters: MemoryMeters | RedisMeters

    @classmethod
    def of(cls, settings: Settings) -> Stores:
        catalog = SqlCatalog(settings.catalog_url)
        folder = settings.data_dir.resolve()
        given = settings.signing_key.get_secret_value() if settings.signing_key else None
        signer = Ed25519Signer(folder / "receipt-key", given)
        return cls(
            catalog=catalog,
            keywords=SqlKeywordIndex(catalog),
            vectors=ChromaIndex(
                url=settings.chroma_url,
                path=None if settings.chroma_url else folder / "chroma",
                memory_bytes=settings.vector_memory_bytes,
            ),
            blobs=_blobs(settings, folder),
            signer=signer,
            audit=SqlAuditLog(settings.database_url or f"sqlite:///{folder / 'audit.sqlite3'}", signer),
            cache=RedisCache(settings.redis_url, limits(settings.cache_max_bytes))
            if settings.redis_url
            else SqliteCache(folder / "caches.sqlite3", limits(settings.cache_max_bytes)),
            meters=RedisMeters(settings.redis_url) if settings.redis_url else MemoryMeters(),
        )

    @property
    def unsearchable(self) -> tuple[str, ...]:
        """What a search for remains of a deleted document cannot see, in words."""
        found = ["Backups, logs kept elsewhere and unused blocks of the disk were not searched."]
        if not self.catalog.is_sqlite:
            found.append(
                "PostgreSQL was asked for its rows, after VACUUM where it is allowed; its files were not read."
            )
        if isinstance(self.cache, RedisCache):
            found.append("The cache in Redis was asked for its entries; Redis' own files were not read.")
        if isinstance(self.blobs, S3Blobs):
            found.append("Files were deleted from the bucket; the disks and backups of its servers were not read.")
        if not self.vectors.local:
            found.append("The vector index is on another machine, and keeps no text; its files were not read.")
        return tuple(found)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        try:
            for store in (self.catalog, self.blobs, self.audit):
                await asyncio.to_thread(store.open)
            yield
        finally:
            await self.meters.close()
            await self.audit.close()
            await self.vectors.close()
            await asyncio.to_thread(self.cache.close)
            await asyncio.to_thread(self.blobs.close)
            await asyncio.to_thread(self.catalog.close)


def _blobs(settings: Settings, folder: Path) -> FolderBlobs | S3Blobs:
    if settings.blob_url is None or settings.blob_secret_key is None:
        return FolderBlobs(folder / "files")
    return S3Blobs(
        settings.blob_url,
        folder / "fetched",
        access_key=settings.blob_access_key,
        secret_key=settings.blob_secret_key.get_secret_value(),
        region=settings.blob_region,
    )
