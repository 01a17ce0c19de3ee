"""The executor as its owner holds it."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import httpx
import inngest
from inngest._internal.net import ThreadAwareAsyncHTTPClient
from starlette.types import ASGIApp

from workflows.embedded import reading
from workflows.embedded.api import create_api
from workflows.embedded.clock import Clock, SystemClock
from workflows.embedded.engine import Engine
from workflows.embedded.errors import ConfigRefused, JournalUnavailable
from workflows.embedded.journal import Timed, untimed
from workflows.embedded.reducer import Backoff, Limits
from workflows.embedded.registry import Registry
from workflows.embedded.transaction import Policy
from workflows.embedded.transport import App, ThreadTransport

T = TypeVar("T")
_BACKOFF_S = (15, 30, 60, 120, 300, 600, 1_200, 2_400, 3_600, 7_200)
_MAX_CALLS = 64


def server_backoff(retry: int) -> float:
    """Seconds before retry number `retry`, from 1: the server's table, with up to a tenth more so that retries spread."""
    return _BACKOFF_S[min(retry, len(_BACKOFF_S)) - 1] * (1 + random.random() / 10)  # noqa: S311


class EmbeddedExecutor:
    """Drives Inngest functions in this process, journalled in one SQLite file. What it promises:
    docs/adr/0009-embedded-executor.md."""

    def __init__(
        self,
        journal_path: str | Path,
        *,
        event_key: str | None = None,
        signing_key: str | None = None,
        backoff: Backoff = server_backoff,
        clock: Clock | None = None,
        limits: Limits | None = None,
        max_calls: int = _MAX_CALLS,
        grace_s: float = 10.0,
        timed: Timed = untimed,
    ) -> None:
        """Opens nothing. `max_calls`: calls under way at once; `grace_s`: seconds that closing leaves them; `timed`: told of
        each commit of the journal."""
        self.event_key = event_key
        self.signing_key = signing_key
        self.api = create_api(self)
        self._path = Path(journal_path)
        self._clock = clock or SystemClock()
        self._policy = Policy(Registry(), backoff, limits or Limits(), max_calls)
        self._grace_s = grace_s
        self._timed = timed
        self._engine: Engine | None = None
        self._http: httpx.AsyncClient | None = None

    def attach(self, client: inngest.Inngest) -> None:
        """Have this client's requests come here, in process. ConfigRefused unless it is in cloud mode with our keys."""
        if not client.is_production:
            raise ConfigRefused("the client is in development mode: create it with is_production=True")
        if (client.event_key, client.signing_key) != (self.event_key, self.signing_key):
            raise ConfigRefused("the client's event key or signing key is not the executor's")
        http = client._http_client
        http._http_client = ThreadAwareAsyncHTTPClient(transport=httpx.ASGITransport(app=self.api)).initialize()
        http._http_client_sync = httpx.Client(transport=ThreadTransport(self.api))

    @asynccontextmanager
    async def serving(self, asgi_app: ASGIApp | None = None, path: str = "/api/inngest") -> AsyncIterator[None]:
        """Open the journal, register the app's functions, take up what was left unfinished, and run what is due.

        Without an app, functions come by POST /fn/register. JournalLocked if another process holds the journal,
        ConfigRefused if a function asks for what the executor does not do.
        """
        engine = Engine(self._path, self._policy, self._clock, self._timed)
        try:
            if asgi_app is None:
                await engine.recall(self.app_at)
            else:
                app = App.in_process(asgi_app, path, self.signing_key, self._clock.now)
                app_id, configs = await app.functions()
                engine.adopt(app_id, app, configs)
            self._engine = engine
            await engine.start()
            yield
        finally:
            await engine.close(self._grace_s)
            self._engine = None
            if self._http is not None:
                await self._http.aclose()
                self._http = None

    def engine(self) -> Engine:
        if self._engine is None:
            raise JournalUnavailable("the executor is not serving")
        return self._engine

    def app_at(self, url: str) -> App:
        if self._http is None:
            self._http = httpx.AsyncClient(limits=httpx.Limits(max_connections=None, max_keepalive_connections=8))
        return App.over_http(url, self._http, self.signing_key, self._clock.now)

    def now(self) -> float:
        return self._clock.now()

    async def wait_idle(self, timeout_s: float = 30.0) -> None:
        """Return when no run is unfinished; TimeoutError after `timeout_s` seconds."""
        async with asyncio.timeout(timeout_s):
            await self.engine().wait_idle()

    async def cancel_run(self, run_id: str) -> bool:
        """Cancel a run; False if it had ended. RunNotFound. A call under way finishes; nothing of it is kept."""
        return await self.engine().cancel(run_id)

    async def prune(self, older_than: dt.timedelta) -> int:
        """Forget runs that ended longer ago than that, and their events; returns how many runs. Events of the last day
        are kept, to know one that is sent again."""
        return await self.engine().prune(int((self._clock.now() - older_than.total_seconds()) * 1000))

    async def contents(self) -> reading.Contents:
        """How much the journal holds."""
        return await self._read(reading.read_contents)

    async def run(self, run_id: str) -> reading.RunRecord:
        """RunNotFound if there is none."""
        return await self._read(lambda sql: reading.read_run(sql, run_id))

    async def steps(self, run_id: str) -> list[reading.StepRecord]:
        return await self._read(lambda sql: reading.read_steps(sql, run_id))

    async def runs_of_event(self, event_id: str) -> list[reading.RunRecord]:
        return await self._read(lambda sql: reading.read_runs_of_event(sql, event_id))

    async def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        return await self.engine().read(query)
