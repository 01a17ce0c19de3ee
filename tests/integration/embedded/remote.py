"""The executor in a process of its own (`python -m workflows.embedded`), and an app that it reaches over HTTP."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastapi
import httpx
import inngest
import inngest.fast_api
import uvicorn
from inngest._internal.transforms import hash_signing_key

ROOT = Path(__file__).resolve().parents[3]
EVENT_KEY, SIGNING_KEY = "event-key", "signkey-prod-" + "ef" * 16


@dataclass
class Remote:
    """What a client of the executor sees of it."""

    port: int
    client: inngest.Inngest
    http: httpx.AsyncClient

    async def send(self, name: str, data: dict[str, Any] | None = None, **event: Any) -> str:
        return (await self.client.send(inngest.Event(name=name, data=data or {}, **event)))[0]

    async def get(self, path: str) -> Any:
        """What the read-only view answers."""
        return (await self.http.get(path)).raise_for_status().json()

    async def runs(self, event_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.get(f"/v0/events/{event_id}/runs")
        return found

    async def ended(self, event_id: str, timeout_s: float = 20) -> dict[str, Any]:
        """The one run of an event, when it has ended."""
        async with asyncio.timeout(timeout_s):
            while True:
                runs = await self.runs(event_id)
                if runs and runs[0]["status"] != "RUNNING":
                    (run,) = runs
                    return run
                await asyncio.sleep(0.05)

    async def register(self, app_port: int) -> dict[str, Any]:
        answer: dict[str, Any] = (await self.http.put(f"http://127.0.0.1:{app_port}/api/inngest")).json()
        return answer


@asynccontextmanager
async def remote(port: int) -> AsyncIterator[Remote]:
    """The client's side; there need be no executor yet."""
    origin = f"http://127.0.0.1:{port}"
    client = inngest.Inngest(
        app_id="remote", is_production=True, api_base_url=origin, event_api_base_url=origin,
        event_key=EVENT_KEY, signing_key=SIGNING_KEY,
    )  # fmt: skip
    headers = {"authorization": f"Bearer {hash_signing_key(SIGNING_KEY)}"}
    async with httpx.AsyncClient(base_url=origin, headers=headers, timeout=30) as http:
        yield Remote(port, client, http)


@asynccontextmanager
async def executor(port: int, journal: Path) -> AsyncIterator[subprocess.Popen[bytes]]:
    arguments = ["--port", str(port), "--journal", str(journal), "--event-key", EVENT_KEY, "--signing-key", SIGNING_KEY]
    process = subprocess.Popen(
        [sys.executable, "-m", "workflows.embedded", *arguments, "--log-level", "error"], cwd=ROOT
    )
    try:
        await _answering(f"http://127.0.0.1:{port}/health")
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait)


@asynccontextmanager
async def serving_app(
    client: inngest.Inngest, functions: Sequence[inngest.Function[Any]], **options: Any
) -> AsyncIterator[int]:
    """The app's port, on which it serves in this process."""
    app, port = fastapi.FastAPI(), free_port()
    app.get("/up")(lambda: "up")
    inngest.fast_api.serve(app, client, list(functions), **options)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", lifespan="off"))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    running = asyncio.create_task(server.serve())
    await _answering(f"http://127.0.0.1:{port}/up")
    try:
        yield port
    finally:
        server.should_exit = True
        await running


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


async def _answering(url: str) -> None:
    async with httpx.AsyncClient() as http, asyncio.timeout(60):
        while True:
            try:
                if (await http.get(url)).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.05)
