"""`cairn serve` from a process that holds its code already: to load it takes longer than all else that a start does.

Nothing but imports ran in that process. Each server is a child of it, with an environment of its own, and ends by itself.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["app.bootstrap", "app.cli", "app.cli.serve", "alembic.command", "chromadb"])

in_use = False
"""Set for tests; what measures servers starts them as anybody does."""


def will_do(environment: Mapping[str, str]) -> bool:
    """Not where it changes what Python or the system's loader does."""
    return in_use and all(name.startswith(("CAIRN_", "INNGEST_")) for name in environment)


class Preloaded:
    """As far as the tests use it, a subprocess.Popen."""

    def __init__(self, environment: Mapping[str, str], folder: Path, log: Path) -> None:
        self._process = _CONTEXT.Process(target=_serve, args=(dict(environment), folder, log))
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("cairn serve", timeout or 0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self._process.terminate()


def _serve(environment: dict[str, str], folder: Path, log: Path) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.argv[:] = ["cairn", "serve"]

    from app.cli import main

    main()
