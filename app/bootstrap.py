"""The composition root: builds everything from the settings. Nothing else imports an adapter or knows which one is used."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import inngest
import inngest.fast_api
import structlog
from fastapi import FastAPI
from pydantic import SecretStr

from app.adapters import inngest_client, secret_files
from app.adapters.blobs import FolderBlobs
from app.adapters.chroma import ChromaIndex
from app.adapters.minilm import MiniLmEmbedder
from app.adapters.ollama import OllamaChat, OllamaEmbedder
from app.adapters.process_pool import ProcessPool
from app.adapters.sql import SqlCatalog, SqlKeywordIndex
from app.api import app as api
from app.services.ask import Ask
from app.services.bundle import Services
from app.services.collections import Collections
from app.services.deletion import DocumentDeletion
from app.services.documents import Documents
from app.services.health import Dependency, Health, State
from app.services.identity import Identity, new_secret
from app.services.indexing import Indexing
from app.services.ingestion import DocumentIngestion, IngestionLimits, VersionCache
from app.services.job_record import CatalogJobRecord
from app.services.jobs import Jobs
from app.services.outbox import Outbox
from app.services.reindex import CollectionReindex, Reindexes
from app.services.retrieval import Retrieval
from app.services.staging import Staging
from app.settings import BUILT_IN_MODEL, Settings
from pipelines.domain.errors import ModelUnavailable
from pipelines.ingest.chunk import CHUNKER
from pipelines.ingest.redact import POLICIES
from pipelines.ports import ChatModel
from workflows import registry
from workflows.embedded import EmbeddedExecutor
from workflows.embedded import Limits as ExecutorLimits
from workflows.ingest import Limits

log = structlog.get_logger()

FIRST_KEY_FILE = "first-key"
_OLLAMA = "ollama/"
_MULTIPART_OVERHEAD = 1024 * 1024
_INTERRUPTIONS = 20  # deaths of the server under one step before its document is suspected


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Stores:
    """Where things are kept."""

    catalog: SqlCatalog
    keywords: SqlKeywordIndex
    vectors: ChromaIndex
    blobs: FolderBlobs

    @classmethod
    def of(cls, settings: Settings) -> Stores:
        catalog = SqlCatalog(settings.catalog_url)
        folder = settings.data_dir.resolve()
        return cls(
            catalog=catalog,
            keywords=SqlKeywordIndex(catalog),
            vectors=ChromaIndex(url=settings.chroma_url)
            if settings.chroma_url
            else ChromaIndex(path=folder / "chroma"),
            blobs=FolderBlobs(folder / "files"),
        )

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        await asyncio.to_thread(self.catalog.open)
        await asyncio.to_thread(self.blobs.open)
        try:
            yield
        finally:
            await self.vectors.close()
            await asyncio.to_thread(self.catalog.close)


class InstalledEmbedders:
    """Embedders of pipelines/ports.py: the built-in one, and each of Ollama's under `ollama/NAME`."""

    def __init__(self, settings: Settings) -> None:
        """Raises ModelUnavailable when the default cannot be had."""
        self._settings = settings
        self._known: dict[str, MiniLmEmbedder | OllamaEmbedder] = {}
        name = settings.embedding_model
        self.default = self.of(name if name == BUILT_IN_MODEL else f"{_OLLAMA}{name}")

    def of(self, model: str) -> MiniLmEmbedder | OllamaEmbedder:
        if model not in self._known:
            self._known.setdefault(model, self._build(model))
        return self._known[model]

    def _build(self, model: str) -> MiniLmEmbedder | OllamaEmbedder:
        settings = self._settings
        if model == BUILT_IN_MODEL:
            return MiniLmEmbedder(settings.data_dir.resolve() / "models", settings.embedding_model_dir)
        if not model.startswith(_OLLAMA):
            raise ModelUnavailable(f"There is no embedding model {model!r}: name {BUILT_IN_MODEL} or {_OLLAMA}NAME.")
        if not settings.ollama_url:
            raise ModelUnavailable(f"{model} is a model of Ollama, and CAIRN_OLLAMA_URL is empty.")
        return OllamaEmbedder(settings.ollama_url, model.removeprefix(_OLLAMA))


@dataclass(frozen=True, slots=True)
class Models:
    embedders: InstalledEmbedders
    chat: ChatModel | None

    @classmethod
    def of(cls, settings: Settings) -> Models:
        chat = OllamaChat(settings.ollama_url, settings.llm_model) if settings.ollama_url else None
        return cls(InstalledEmbedders(settings), chat)


@dataclass(frozen=True, slots=True)
class Engine:
    """What runs the workflows: an Inngest server, or the embedded executor."""

    client: inngest.Inngest
    executor: EmbeddedExecutor | None

    @classmethod
    def of(cls, settings: Settings) -> Engine:
        if settings.external_engine:
            client = inngest_client.server_client(
                dev=settings.inngest_dev,
                base_url=settings.inngest_base_url,
                event_key=_revealed(settings.inngest_event_key),
                signing_key=_revealed(settings.inngest_signing_key),
            )
            return cls(client, None)
        event_key, signing_key = secrets.token_hex(16), f"signkey-embedded-{secrets.token_hex(32)}"
        journal = settings.data_dir.resolve() / "workflows.sqlite3"
        executor = EmbeddedExecutor(
            journal, event_key=event_key, signing_key=signing_key, limits=ExecutorLimits(interruptions=_INTERRUPTIONS)
        )
        client = inngest_client.embedded_client(event_key, signing_key)
        executor.attach(client)
        return cls(client, executor)

    @asynccontextmanager
    async def running(self, app: FastAPI, address: str) -> AsyncIterator[None]:
        if self.executor is not None:
            async with self.executor.serving(app, inngest_client.SERVE_PATH):
                yield
            return
        registration = asyncio.create_task(inngest_client.register(app, address))
        try:
            yield
        finally:
            registration.cancel()
            with suppress(asyncio.CancelledError):
                await registration


@dataclass(frozen=True, slots=True)
class Assembly:
    """Everything, built and not opened."""

    settings: Settings
    stores: Stores
    models: Models
    engine: Engine
    pool: ProcessPool
    staging: Staging
    services: Services
    functions: list[inngest.Function[Any]]

    def application(self) -> FastAPI:
        """The HTTP application; starting it opens everything, in order, and stopping it closes in reverse."""

        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[None]:
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(self.stores.open())
                await asyncio.to_thread(self.staging.clear)
                await asyncio.to_thread(self.services.identity.install_first_key, self.first_key()[0])
                await stack.enter_async_context(self.pool)
                app.state.services = self.services
                await stack.enter_async_context(self.engine.running(app, self._serve_origin))
                await self.services.outbox.sweep()
                warming = asyncio.create_task(self.services.health.states())  # loads what the first question needs
                stack.callback(warming.cancel)
                log.info("server.ready", address=self.settings.address, engine=self._engine_name)
                yield

        settings = self.settings
        largest = settings.max_file_bytes * settings.max_files_per_upload + _MULTIPART_OVERHEAD
        app = api.build(lifespan, max_upload_bytes=largest, max_files=settings.max_files_per_upload)
        inngest.fast_api.serve(
            app,
            self.engine.client,
            self.functions,
            serve_path=inngest_client.SERVE_PATH,
            serve_origin=settings.inngest_serve_origin,
            enable_unauthed_sync=settings.external_engine,  # a self-hosted Inngest server does not sign it
        )
        return app

    async def inspect(self) -> list[State]:
        """What is in use and what answers, without starting a server."""
        async with self.stores.open():
            return await self.services.health.states()

    @property
    def _serve_origin(self) -> str:
        return self.settings.inngest_serve_origin or self.settings.address

    @property
    def _engine_name(self) -> str:
        return "embedded" if self.engine.executor else "inngest server"

    def first_key(self) -> tuple[str, bool]:
        """The first tenant admin's key: the one given, else one made up and kept in the data folder; and whether it is new."""
        if self.settings.bootstrap_key is not None:
            return self.settings.bootstrap_key.get_secret_value(), False
        path = self.settings.data_dir / FIRST_KEY_FILE
        known = path.exists()
        return secret_files.read_or_create(path, new_secret), not known


def assemble(settings: Settings) -> Assembly:
    """Opens nothing, except that it makes the data folder and its key for redaction when they are not there."""
    folder = settings.data_dir.resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stores, models, engine = Stores.of(settings), Models.of(settings), Engine.of(settings)
    catalog = stores.catalog
    pool = ProcessPool(settings.worker_processes, settings.worker_memory_bytes, settings.parse_timeout_s)
    staging = Staging(folder / "incoming", pool, max_file_bytes=settings.max_file_bytes, max_pages=settings.max_pages)
    outbox = Outbox(catalog, inngest_client.InngestEvents(engine.client))
    collections = Collections(catalog, models.embedders, CHUNKER, _now)
    record = CatalogJobRecord(catalog, _now)
    retrieval = Retrieval(catalog, models.embedders, stores.vectors, stores.keywords)
    indexing = Indexing(catalog, stores.blobs, pool, models.embedders, stores.vectors, stores.keywords)
    caches: list[VersionCache] = []
    ingestion = DocumentIngestion(
        catalog=catalog,
        blobs=stores.blobs,
        workers=pool,
        embedders=models.embedders,
        vectors=stores.vectors,
        indexing=indexing,
        caches=caches,
        progress=record,
        policy=POLICIES[settings.pii_policy],
        redaction_key=bytes.fromhex(
            secret_files.read_or_create(folder / "redaction-key", lambda: secrets.token_hex(32))
        ),
        clock=_now,
        limits=IngestionLimits(max_pages=settings.max_pages),
    )
    deletion = DocumentDeletion(catalog, stores.blobs, stores.vectors, stores.keywords, caches)
    reindexing = CollectionReindex(catalog, indexing, ingestion.redacted, record)
    work = registry.Work(ingestion, deletion, reindexing, outbox, record)
    services = Services(
        identity=Identity(catalog, _now),
        collections=collections,
        documents=Documents(catalog, collections, stores.blobs, staging, outbox, _now),
        jobs=Jobs(catalog, outbox, _now),
        outbox=outbox,
        reindexes=Reindexes(catalog, collections, models.embedders, CHUNKER, outbox, _now),
        retrieval=retrieval,
        ask=Ask(
            retrieval,
            models.embedders.default,
            models.chat,
            first_token_timeout_s=settings.llm_first_token_timeout_s,
            token_timeout_s=settings.llm_token_timeout_s,
        ),
        health=Health(_dependencies(settings, stores, models)),
    )
    limits = Limits(retries=settings.step_retries, documents=settings.ingest_concurrency)
    functions = registry.functions(engine.client, work, limits)
    return Assembly(settings, stores, models, engine, pool, staging, services, functions)


def _dependencies(settings: Settings, stores: Stores, models: Models) -> tuple[Dependency, ...]:
    async def chat() -> None:
        if models.chat is None or not await models.chat.available():
            raise ModelUnavailable("not reachable, or the model is not there: answers are extracted instead")

    async def engine() -> None:
        if settings.external_engine:
            await inngest_client.ping(settings.inngest_url)

    folder = settings.data_dir.resolve()
    found = [
        Dependency("catalog", _without_password(settings.catalog_url), True, stores.catalog.ping),
        Dependency("keywords", "in the catalog's database", False, stores.keywords.ping),
        Dependency("vectors", f"Chroma, {settings.chroma_url or folder / 'chroma'}", False, stores.vectors.ping),
        Dependency("files", str(folder / "files"), True, stores.blobs.ping),
        Dependency("workflows", settings.inngest_url if settings.external_engine else "embedded", False, engine),
        Dependency("embeddings", models.embedders.default.model, False, models.embedders.default.ping),
    ]
    if models.chat is not None:
        found.append(Dependency("model", f"{settings.llm_model} at {settings.ollama_url}", False, chat))
    return tuple(found)


def _revealed(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
