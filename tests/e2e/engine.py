"""The workflow engine under test: the embedded one, or a real Inngest server (`scripts/test --engine server`).

A server is the running one that INNGEST_DEV names, else a program started for the test: INNGEST_BIN, else what
`npx inngest-cli` gives.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

EMBEDDED, SERVER = "embedded", "server"
VARIABLE = "TEST_ENGINE"  # how the option reaches the tests
START_TIMEOUT_S = 60
_EVENT_KEY, _SIGNING_KEY = "0123456789abcdef" * 2, "fedcba9876543210" * 4
_PORTS = ("--port", "--connect-gateway-port", "--connect-gateway-grpc-port", "--connect-executor-grpc-port")


def chosen() -> str:
    return os.environ.get(VARIABLE, EMBEDDED)


def absent() -> str | None:
    """Why a server cannot be had, in a line; None when it can."""
    if os.environ.get("INNGEST_DEV") or _command():
        return None
    return "no Inngest server: set INNGEST_DEV to a running one's URL, or INNGEST_BIN to its program"


@dataclass
class InngestServer:
    """A self-hosted server with keys (`inngest start`), on free ports and a folder of its own; or the running one."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None
    ports: list[int] = field(default_factory=list)

    def start(self) -> InngestServer:
        if self.process is not None or os.environ.get("INNGEST_DEV"):
            return self
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ports = [free_port() for _ in _PORTS]
        given = [argument for name, port in zip(_PORTS, self.ports, strict=True) for argument in (name, str(port))]
        keys = ["--event-key", _EVENT_KEY, "--signing-key", _SIGNING_KEY, "--sqlite-dir", str(self.folder)]
        with (self.folder / "inngest.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*_command(), "start", "--host", "127.0.0.1", *given, *keys],
                cwd=self.folder,
                env={**os.environ, "DO_NOT_TRACK": "1"},
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            assert self.process.poll() is None, (self.folder / "inngest.log").read_text()[-4_000:]
            try:
                if httpx.get(f"{self.url}/health", trust_env=False, verify=False).status_code == 200:
                    return self
            except httpx.HTTPError:
                time.sleep(0.05)
        raise AssertionError("the Inngest server did not become ready")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=30)
            self.process = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}"

    @property
    def environment(self) -> Mapping[str, str]:
        """What makes Cairn use it."""
        if running := os.environ.get("INNGEST_DEV"):
            return {"INNGEST_DEV": running}
        return {
            "INNGEST_BASE_URL": self.url,
            "INNGEST_EVENT_KEY": _EVENT_KEY,
            "INNGEST_SIGNING_KEY": f"signkey-test-{_SIGNING_KEY}",
        }


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _command() -> list[str]:
    if program := os.environ.get("INNGEST_BIN"):
        return [program]
    npx = shutil.which("npx")
    found = npx and subprocess.run(
        [npx, "--no-install", "inngest-cli", "version"], capture_output=True, timeout=60, check=False
    )
    return [npx, "--no-install", "inngest-cli"] if npx and found and found.returncode == 0 else []
