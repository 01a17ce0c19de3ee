"""The server as a whole, built and not opened."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import inngest
import inngest.fast_api
import structlog
from fastapi import FastAPI
from fastapi.routing import APIRoute

from app.adapters import folder_lock, inngest_client, secret_files
from app.adapters.process_pool import ProcessPool
from app.api import app as api
from app.api import mcp
from app.api.sse import StreamLimits
from app.bootstrap.engine import Engine
from app.bootstrap.models import Models
from app.bootstrap.reloading import Reloading
from app.bootstrap.stores import Stores
from app.console import page as console
from app.observability.traces import OtelTracer
from app.services.bundle import Services
from app.services.health import State
from app.services.identity import new_secret
from app.services.staging import Staging
from app.services.upkeep.files import FileReconciliation
from app.services.warming import Warming
from app.settings import Settings

log = structlog.get_logger()

FIRST_KEY_FILE = "first-key"
# For what waits on disks and databases. As many as processors would all be taken by writers while another program holds the
# catalog (a backup, a command), and questions would wait behind them.
_THREADS = 64
_MULTIPART_OVERHEAD = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Assembly:
    """Everything, built and not opened."""

    settings: Settings
    stores: Stores
    models: Models
    engine: Engine
    pools: tuple[ProcessPool, ...]
    staging: Staging
    files: FileReconciliation
    services: Services
    functions: list[inngest.Function[Any]]
    tracer: OtelTracer

    def application(self) -> FastAPI:
        """The HTTP application; starting it opens everything, in order, and stopping it closes in reverse."""

        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[None]:
            asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, "io"))
            async with AsyncExitStack() as stack:
                stack.enter_context(folder_lock.held(self.settings.data_dir.resolve()))
                await stack.enter_async_context(self.tracer.sending())
                await stack.enter_async_context(self.stores.open())
                stack.callback(self.services.identity.close)
                await asyncio.to_thread(self.staging.clear)
                if self.engine.executor is not None:  # else others may be at work
                    await self.files.tidy()
                await asyncio.to_thread(self.services.identity.install_first_key, self.first_key()[0])
                for pool in self.pools:
                    await stack.enter_async_context(pool)
                app.state.services = self.services
                await stack.enter_async_context(mcp.running(app))
                await stack.enter_async_context(self.engine.running(app, self._serve_origin))
                await self.services.outbox.sweep()
                stack.callback(asyncio.create_task(self._warm()).cancel)
                stack.enter_context(Reloading(self.settings, self.services).at_signal())
                log.info("server.ready", address=self.settings.address, engine=self._engine_name)
                yield

        settings = self.settings
        largest = settings.max_file_bytes * settings.max_files_per_upload + _MULTIPART_OVERHEAD
        app = api.build(
            lifespan,
            api.Edge(
                max_upload_bytes=largest,
                max_files=settings.max_files_per_upload,
                streams=StreamLimits(settings.keep_alive_s, settings.reader_timeout_s),
                body_timeout_s=settings.body_timeout_s,
                origins=settings.cors_origins,
                hosts=settings.allowed_hosts,
                engine_path=inngest_client.SERVE_PATH,
                tracer=self.tracer,
            ),
        )
        console.install(app, console.Console(settings.dashboard_url, provider=self.services.sign_in is not None))
        inngest.fast_api.serve(
            app,
            self.engine.client,
            self.functions,
            serve_path=inngest_client.SERVE_PATH,
            serve_origin=self._serve_origin,  # never what a request says of its host
            enable_unauthed_sync=settings.external_engine,  # a self-hosted Inngest server does not sign it
        )
        for route in app.routes:
            if isinstance(route, APIRoute) and route.path == inngest_client.SERVE_PATH:
                route.include_in_schema = False  # the engine's protocol, not ours
        return app

    async def _warm(self) -> None:
        """Loads what the first question needs. What is there then stays, so the garbage collector need not walk over it:
        it would stop every question for a quarter of a second each time."""
        vectors = Warming(self.stores.catalog, self.stores.vectors).run()
        await asyncio.gather(self.services.health.states(), self.models.warm(), vectors, return_exceptions=True)
        gc.freeze()

    def check(self) -> None:
        """Whether a server can start on the data folder. Raises DataFolderInUse, DataFolderUnusable."""
        with folder_lock.held(self.settings.data_dir.resolve()):
            pass

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
