"""A system of either kind that can be started, asked, destroyed and made anew, on one machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import httpx
from cluster.parts import KEY, ROOT, SECRETS, Cluster, Part, answers, free_port

PROGRAMS = ("worker", "api-1", "api-2", "nginx")


class System(Protocol):
    """Empty until something is restored into it or taken in."""

    kind: str
    url: str

    def prepare(self) -> None: ...  # what a restore writes into
    def start(self) -> None: ...  # returns when people are answered
    def stop(self) -> None: ...
    def destroy(self) -> None: ...  # as it stands, with everything it kept
    def cairn(self, *arguments: str, key: str | None = None) -> dict[str, Any]: ...  # what the command prints


class Embedded:
    kind = "embedded"

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._data = folder / "data"
        self._environment = {
            "CAIRN_DATA_DIR": str(self._data),
            "CAIRN_PORT": str(port),
            "CAIRN_BOOTSTRAP_KEY": KEY,
            "CAIRN_SIGNING_KEY": SECRETS["signing"],
            "CAIRN_OLLAMA_URL": "",
        }
        command = [sys.executable, "-m", "app.cli", "serve"]
        self._server = Part("server", command, answers(f"{self.url}/readyz"), self._environment, folder=folder)

    def prepare(self) -> None:
        self._data.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        self.prepare()
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def destroy(self) -> None:
        self._server.kill()
        shutil.rmtree(self._data)

    def cairn(self, *arguments: str, key: str | None = None) -> dict[str, Any]:
        return _cairn(arguments, self._environment, self.url, key)


class Clustered:
    """PostgreSQL, Redis, a Chroma server, an S3 server, an engine, two API processes and a worker behind nginx."""

    kind = "cluster"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.chmod(0o755)  # PostgreSQL runs as another user
        self._cluster = Cluster(folder)
        self.url = self._cluster.url
        self._environment = {
            **self._cluster.settings,
            "CAIRN_DATA_DIR": str(folder / "operator"),
            "CAIRN_PORT": str(free_port()),
        }

    def prepare(self) -> None:
        self._cluster.start([name for name in self._cluster.parts if name not in PROGRAMS])

    def start(self) -> None:
        if self._cluster.parts["postgres"].process is None:
            self.prepare()
        self._cluster.start(PROGRAMS)
        _until_ready(self.url)

    def stop(self) -> None:
        self._cluster.stop()

    def destroy(self) -> None:
        for part in self._cluster.parts.values():
            part.kill()
        for path in self._folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)

    def cairn(self, *arguments: str, key: str | None = None) -> dict[str, Any]:
        return _cairn(arguments, self._environment, self.url, key)


KINDS: Mapping[str, type[Embedded] | type[Clustered]] = {"embedded": Embedded, "cluster": Clustered}


def _until_ready(url: str, within_s: float = 120) -> None:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/v1/documents", timeout=10, trust_env=False, verify=False).status_code == 401:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise SystemExit("The cluster does not answer.")


def _cairn(arguments: tuple[str, ...], environment: Mapping[str, str], url: str, key: str | None) -> dict[str, Any]:
    """Raises SystemExit with what the command said."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CAIRN_", "INNGEST_"))}
    asked = {"CAIRN_URL": url, "CAIRN_API_KEY": key} if key else {}
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments, "--json"],
        cwd=ROOT,
        env={**kept, **environment, **asked},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"cairn {' '.join(arguments)}: {done.stdout}{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found
