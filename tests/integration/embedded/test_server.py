"""The executor as a server of its own, driving an app over HTTP."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import inngest
import pytest

from tests.integration.embedded.remote import ROOT, executor, free_port, remote, serving_app


@pytest.mark.parametrize("streaming", [None, inngest.Streaming.FORCE], ids=["plain", "streaming"])
async def test_an_app_over_http_is_driven_through_a_kill_of_the_server(
    tmp_path: Path, streaming: inngest.Streaming | None
) -> None:
    async with remote(free_port()) as server:
        calls: list[str] = []
        reached, release = asyncio.Event(), asyncio.Event()

        @server.client.create_function(fn_id="work", trigger=inngest.TriggerEvent(event="go"))
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

        async with serving_app(server.client, [work], streaming=streaming) as app_port:
            async with executor(server.port, tmp_path / "journal.db") as process:
                assert (await server.register(app_port))["ok"] is True
                event = await server.send("go")
                await reached.wait()
                os.kill(process.pid, signal.SIGKILL)
                await asyncio.to_thread(process.wait)
                release.set()
            async with executor(server.port, tmp_path / "journal.db"):  # and the app does not register again
                run = await server.ended(event)
                steps = await server.get(f"/v0/runs/{run['id']}/steps")
                assert (await server.http.get("/v0/runs/nobody")).status_code == 404
                async with httpx.AsyncClient(base_url=server.http.base_url) as stranger:
                    assert (await stranger.get(f"/v0/runs/{run['id']}")).status_code == 401
    assert (run["status"], run["output"], run["function_id"]) == ("COMPLETED", "done", "remote-work")
    assert [(step["name"], step["status"], step["attempts"]) for step in steps] == [
        ("first", "COMPLETED", 1),
        ("second", "COMPLETED", 2),
    ]
    assert calls == ["first", "second", "second"]


async def test_what_is_not_supported_is_refused_by_name(tmp_path: Path) -> None:
    async with remote(free_port()) as server:

        @server.client.create_function(fn_id="odd", trigger=inngest.TriggerCron(cron="every now and then"))
        async def odd(ctx: inngest.Context) -> None: ...

        async with (
            serving_app(server.client, [odd]) as app_port,
            executor(server.port, tmp_path / "journal.db"),
        ):
            refused = (await server.register(app_port))["error"]
            assert "remote-odd" in refused
            assert "every now and then" in refused
            for path, name in (("/v0/connect/start", "Connect"), ("/v1/realtime/publish", "realtime")):
                answer = await server.http.post(path)
                assert answer.status_code == 501
                assert f"{name} is not supported" in answer.json()["error"]


def test_without_a_signing_key_it_listens_to_the_loopback_address_alone() -> None:
    command = [sys.executable, "-m", "workflows.embedded", "--port", "1", "--host", "0.0.0.0"]
    environment = {key: value for key, value in os.environ.items() if key != "INNGEST_SIGNING_KEY"}
    refused = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, check=False)
    assert refused.returncode == 2
    assert "signing key" in refused.stderr
