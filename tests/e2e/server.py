"""A real server as its own process, on a free port and a data folder of its own."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from app.adapters.sql import SqlCatalog
from pipelines.domain.access import ApiKey, Principal
from tests.e2e import engine, preloaded
from tests.e2e.engine import InngestServer, free_port
from tests.e2e.preloaded import Preloaded

ROOT = Path(__file__).parents[2]
KEY = "test-key-of-the-first-tenant"
START_TIMEOUT_S = 180  # a machine that does other things too


@dataclass
class Server:
    """`start` returns when it is ready; `kill` is SIGKILL; the data folder outlives both."""

    data_dir: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    process: subprocess.Popen[bytes] | Preloaded | None = None
    inngest: InngestServer | None = None

    def start(self) -> Server:
        self.port = self.port or free_port()
        if engine.chosen() == engine.SERVER:
            self.inngest = (
                self.inngest or InngestServer(self.data_dir.with_name(f"{self.data_dir.name}-inngest"))
            ).start()
        self.data_dir.mkdir(parents=True, exist_ok=True)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("CAIRN_", "INNGEST_"))},
            "CAIRN_DATA_DIR": str(self.data_dir),
            "CAIRN_PORT": str(self.port),
            "CAIRN_BOOTSTRAP_KEY": KEY,
            "CAIRN_OLLAMA_URL": "",
            **(self.inngest.environment if self.inngest else {}),
            **self.environment,
        }
        self.process = self._begun(environment)
        deadline = time.monotonic() + START_TIMEOUT_S
        with self.client(None) as client:
            while time.monotonic() < deadline:
                assert self.process.poll() is None, f"the server ended:\n{self.log()}"
                try:
                    if client.get("/readyz").status_code == 200:
                        return self
                except httpx.HTTPError:
                    pass
                time.sleep(0.05)
        raise AssertionError(f"the server did not become ready:\n{self.log()}")

    def _begun(self, environment: Mapping[str, str]) -> subprocess.Popen[bytes] | Preloaded:
        path = self.data_dir / "server.log"
        if preloaded.will_do(self.environment):
            return Preloaded(environment, ROOT, path)
        with path.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "app.cli", "serve"], cwd=ROOT, env=environment, stdout=log, stderr=log
            )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, key: str | None = KEY) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # Without `verify` it does not read the system's certificates, which takes longer than most requests.
        return httpx.Client(base_url=self.url, headers=headers, timeout=120, trust_env=False, verify=False)

    def kill(self) -> None:
        """As a power cut would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=30)
        if self.inngest is not None:
            self.inngest.stop()

    def log(self) -> str:
        return (self.data_dir / "server.log").read_text(errors="replace")[-8_000:]


@contextmanager
def running(data_dir: Path, **environment: str) -> Iterator[Server]:
    server = Server(data_dir, environment)
    try:
        yield server.start()
    finally:
        server.stop()


def secret(name: str) -> str:
    """Of the key that `add_key` made under this name."""
    return f"secret-of-{name}-0123456789"


def add_key(server: Server, name: str, principal: Principal) -> None:
    """A key for somebody, and the tenant where it is not there; while the server is stopped."""
    catalog = SqlCatalog(f"sqlite:///{server.data_dir / 'catalog.sqlite3'}")
    catalog.open()
    at, digest = datetime.now(UTC), hashlib.sha256(secret(name).encode()).hexdigest()
    with catalog.begin() as uow:
        uow.keys.add_tenant(principal.tenant_id, principal.tenant_id, at)
        uow.keys.add(ApiKey(f"key_{name}", name, digest, principal, at))
    catalog.close()


def upload(client: httpx.Client, path: Path, **fields: str) -> dict[str, Any]:
    """Uploads one file; what became of it."""
    with path.open("rb") as file:
        response = client.post("/v1/documents", files={"file": (path.name, file)}, data=fields)
    assert response.status_code in (200, 202), response.text
    (document,) = response.json()["documents"]
    return dict(document)


def events(client: httpx.Client, method: str, path: str, **content: Any) -> Iterator[tuple[str, dict[str, Any], str]]:
    """(name, data, id) of each server-sent event."""
    with client.stream(method, path, **content) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        name, data, number = "message", "", ""
        for line in response.iter_lines():
            if line.startswith("event:"):
                name = line[6:].strip()
            elif line.startswith("id:"):
                number = line[3:].strip()
            elif line.startswith("data:"):
                data += line[5:].strip()
            elif not line and data:
                yield name, json.loads(data), number
                name, data = "message", ""


def finished(client: httpx.Client, job_id: str, status: str = "succeeded") -> dict[str, Any]:
    """Follows a job to its end; fails when it ends otherwise."""
    for _ in events(client, "GET", f"/v1/jobs/{job_id}/events"):
        pass
    job = client.get(f"/v1/jobs/{job_id}").json()
    assert job["status"] == status, job
    return dict(job)
