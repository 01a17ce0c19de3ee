"""The executor as a server of its own, driving an app over HTTP."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import fastapi
import httpx
import inngest
import inngest.fast_api
import pytest
import uvicorn

ROOT = Path(__file__).resolve().parents[3]
EVENT_KEY, SIGNING_KEY = "event-key", "signkey-prod-" + "ef" * 16


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@asynccontextmanager
async def executor(port: int, journal: Path) -> AsyncIterator[subprocess.Popen[bytes]]:
    arguments = ["--port", str(port), "--journal", str(journal), "--event-key", EVENT_KEY, "--signing-key", SIGNING_KEY]
    process = subprocess.Popen(
        [sys.executable, "-m", "workflows.embedded", *arguments, "--log-level", "error"], cwd=ROOT
    )
    try:
        await answering(f"http://127.0.0.1:{port}/health")
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait)


async def answering(url: str) -> None:
    async with httpx.AsyncClient() as http, asyncio.timeout(20):
        while True:
            try:
                if (await http.get(url)).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def serving_app(port: int, client: inngest.Inngest, functions: list[Any], **options: Any) -> AsyncIterator[None]:
    app = fastapi.FastAPI()
    app.get("/up")(lambda: "up")
    inngest.fast_api.serve(app, client, functions, **options)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", lifespan="off"))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    running = asyncio.create_task(server.serve())
    await answering(f"http://127.0.0.1:{port}/up")
    try:
        yield
    finally:
        server.should_exit = True
        await running


@pytest.mark.parametrize("streaming", [None, inngest.Streaming.FORCE], ids=["plain", "streaming"])
async def test_an_app_over_http_is_driven_through_a_kill_of_the_server(
    tmp_path: Path, streaming: inngest.Streaming | None
) -> None:
    app_port, port = free_port(), free_port()
    origin = f"http://127.0.0.1:{port}"
    client = inngest.Inngest(
        app_id="remote", is_production=True, api_base_url=origin, event_api_base_url=origin,
        event_key=EVENT_KEY, signing_key=SIGNING_KEY,
    )  # fmt: skip
    calls: list[str] = []
    reached, release = asyncio.Event(), asyncio.Event()

    @client.create_function(fn_id="work", trigger=inngest.TriggerEvent(event="go"))
    async def work(ctx: inngest.Context) -> str:
        async def first() -> None:
            calls.append("first")

        async def second() -> str:
            calls.append("second")
            reached.set()
            await release.wait()
            return "done"

        await ctx.step.run("first", first)
        return await ctx.step.run("second", second)

    async with serving_app(app_port, client, [work], streaming=streaming), httpx.AsyncClient() as http:
        async with executor(port, tmp_path / "journal.db") as process:
            registered = await http.put(f"http://127.0.0.1:{app_port}/api/inngest")
            assert registered.json()["ok"] is True
            (event,) = await client.send(inngest.Event(name="go"))
            await reached.wait()
            os.kill(process.pid, signal.SIGKILL)
            await asyncio.to_thread(process.wait)
            release.set()
        async with executor(port, tmp_path / "journal.db"):  # and the app does not register again
            authorised = {"authorization": f"Bearer {client_key()}"}
            async with asyncio.timeout(20):
                while (run := (await http.get(f"{origin}/v0/events/{event}/runs", headers=authorised)).json()[0])[
                    "status"
                ] == "RUNNING":
                    await asyncio.sleep(0.05)
            steps = (await http.get(f"{origin}/v0/runs/{run['id']}/steps", headers=authorised)).json()
            assert (await http.get(f"{origin}/v0/runs/{run['id']}")).status_code == 401
            assert (await http.get(f"{origin}/v0/runs/nobody", headers=authorised)).status_code == 404
    assert (run["status"], run["output"], run["function_id"]) == ("COMPLETED", "done", "remote-work")
    assert [(step["name"], step["status"], step["attempts"]) for step in steps] == [
        ("first", "COMPLETED", 1),
        ("second", "COMPLETED", 2),
    ]
    assert calls == ["first", "second", "second"]


def client_key() -> str:
    from inngest._internal import transforms

    return transforms.hash_signing_key(SIGNING_KEY)


async def test_a_registration_that_is_not_supported_is_refused_by_name(tmp_path: Path) -> None:
    app_port, port = free_port(), free_port()
    origin = f"http://127.0.0.1:{port}"
    client = inngest.Inngest(
        app_id="remote", is_production=True, api_base_url=origin, event_api_base_url=origin,
        event_key=EVENT_KEY, signing_key=SIGNING_KEY,
    )  # fmt: skip

    @client.create_function(fn_id="odd", trigger=inngest.TriggerCron(cron="every now and then"))
    async def odd(ctx: inngest.Context) -> None: ...

    async with (
        serving_app(app_port, client, [odd]),
        httpx.AsyncClient() as http,
        executor(port, tmp_path / "journal.db"),
    ):
        refused = await http.put(f"http://127.0.0.1:{app_port}/api/inngest")
        assert "remote-odd" in refused.json()["error"]
        assert "every now and then" in refused.json()["error"]


def test_without_a_signing_key_it_listens_to_the_loopback_address_alone() -> None:
    command = [sys.executable, "-m", "workflows.embedded", "--port", "1", "--host", "0.0.0.0"]
    environment = {key: value for key, value in os.environ.items() if key != "INNGEST_SIGNING_KEY"}
    refused = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, check=False)
    assert refused.returncode == 2
    assert "signing key" in refused.stderr
