"""What an operator is told about: each thing the server needs, and whether it answers."""

from __future__ import annotations

import asyncio
import os

from app.adapters import inngest_client
from app.adapters.cross_encoder import CrossEncoder
from app.bootstrap.models import Models
from app.bootstrap.stores import Stores
from app.services.health import Dependency
from app.settings import Settings
from pipelines.domain.errors import ModelUnavailable


def dependencies(settings: Settings, stores: Stores, models: Models) -> tuple[Dependency, ...]:
    async def chat() -> None:
        if models.ollama is not None and not await models.ollama.available():
            raise ModelUnavailable(f"{models.ollama.missing} Answers are extracted meanwhile.")

    async def cache() -> None:
        await asyncio.to_thread(stores.cache.ping)

    async def engine() -> None:
        if settings.external_engine:
            await inngest_client.ping(settings.inngest_url)

    async def folders() -> None:
        for root in (root for roots in settings.roots_by_tenant("").values() for root in roots):
            await asyncio.to_thread(os.listdir, root)

    folder = settings.data_dir.resolve()
    where = _without_password(settings.redis_url) if settings.redis_url else str(folder / "caches.sqlite3")
    found = [
        Dependency("catalog", _without_password(settings.catalog_url), True, stores.catalog.ping),
        Dependency("keywords", "in the catalog's database", False, stores.keywords.ping),
        Dependency("vectors", f"Chroma, {settings.chroma_url or folder / 'chroma'}", False, stores.vectors.ping),
        Dependency("files", settings.blob_url or str(folder / "files"), True, stores.blobs.ping),
        Dependency("cache", where, False, cache),
        Dependency("workflows", settings.inngest_url if settings.external_engine else "embedded", False, engine),
        Dependency("embeddings", models.embedders.default.model, False, models.embedders.default.ping),
    ]
    if settings.sync_roots:
        found.append(Dependency("folders", ", ".join(settings.sync_roots), False, folders))
    if isinstance(models.reranker, CrossEncoder):
        found.append(Dependency("reranker", str(settings.reranker_dir), False, models.reranker.ping))
    if models.chat is not None:
        found.append(Dependency("model", f"{settings.llm_model} at {settings.ollama_url}", False, chat))
    return tuple(found)


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
