"""Worker processes with limits, for CPU-bound work on files that nobody vouches for.

Each task has a process to itself while it runs: one that dies, hangs or eats memory takes down its own task and no
other. Processes start when they are needed, are replaced after a while, and go when there is nothing to do, so that an
idle server is small. A worker is a fresh interpreter (never a fork of the server) that holds none of its sockets.
"""

from __future__ import annotations

import asyncio
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any, ParamSpec, Self, TypeVar, cast

from app.observability.pools import PoolLoad
from pipelines.domain.errors import CairnError, OutOfTime, WorkerCrashed

P = ParamSpec("P")
R = TypeVar("R")

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")


class ProcessPool:
    """Workers of pipelines/ports.py: at most `processes` tasks at a time, in order of arrival.

    `memory_limit_bytes` of private memory for each process; for each task `time_limit_s`, in which waiting for a processor does
    not count, and as many seconds of the processor unless `cpu_limit_s` says otherwise. `niceness`: how far they step back
    for others. `name`: of the pool, in metrics.
    """

    def __init__(
        self,
        processes: int,
        memory_limit_bytes: int,
        time_limit_s: float,
        *,
        cpu_limit_s: int | None = None,
        idle_timeout_s: float = 60,
        tasks_per_process: int = 200,
        niceness: int = 10,
        name: str = "documents",
    ) -> None:
        self._load = PoolLoad(name, processes)
        self._memory_limit_bytes = memory_limit_bytes
        self._time_limit_s = time_limit_s
        self._cpu_limit_s = cpu_limit_s or math.ceil(time_limit_s)
        self._idle_timeout_s = idle_timeout_s
        self._tasks_per_process = tasks_per_process
        self._niceness = niceness
        self._free = asyncio.Semaphore(processes)
        self._threads = ThreadPoolExecutor(processes, "workers")
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()
        self._retirement: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for worker in (*self._idle, *self._busy):
            worker.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)
        if self._retirement is not None:
            self._retirement.cancel()

    async def run(self, task: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """`task(*args, **kwargs)`, all of which travel by pickle.

        Raises what the task raised if it is a CairnError; LimitExceeded; WorkerCrashed when the process died.
        """
        async with self._load.task(self._free):
            worker = self._idle.pop() if self._idle else self._new()
            self._busy.add(worker)
            call = asyncio.get_running_loop().run_in_executor(
                self._threads, worker.call, (task, args, kwargs), self._time_limit_s
            )
            try:
                outcome = await asyncio.shield(call)
            except asyncio.CancelledError:
                worker.kill()  # which ends the call
                await asyncio.gather(call, return_exceptions=True)
                raise
            finally:
                self._busy.discard(worker)
                self._put_back(worker)
        self._load.ended(outcome)
        if isinstance(outcome, CairnError):
            raise outcome
        return cast("R", outcome)

    def _new(self) -> _Worker:
        return _Worker(self._memory_limit_bytes, self._cpu_limit_s, self._niceness, self._load)

    def _put_back(self, worker: _Worker) -> None:
        if worker.alive and worker.calls < self._tasks_per_process:
            self._idle.append(worker)
        else:
            worker.kill()
        if self._retirement is not None:
            self._retirement.cancel()
        self._retirement = asyncio.get_running_loop().call_later(self._idle_timeout_s, self._retire)

    def _retire(self) -> None:
        while self._idle:
            self._idle.pop().kill()


class _Worker:
    """One process and the pipe to it. `call` blocks: one thread at a time."""

    def __init__(self, memory_limit_bytes: int, cpu_limit_s: int, niceness: int, load: PoolLoad) -> None:
        self._load = load
        self._memory_limit_bytes = memory_limit_bytes
        self._cpu_limit_s = cpu_limit_s
        self._niceness = niceness
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection[Any, Any] | None = None
        self._killed = False
        self.calls = 0

    @property
    def alive(self) -> bool:
        return not self._killed and self._process is not None and self._process.poll() is None

    def call(
        self, work: tuple[Callable[..., object], tuple[object, ...], dict[str, object]], time_limit_s: float
    ) -> object:
        """The result, or the CairnError that stands for it."""
        self.calls += 1
        pipe = self._pipe or self._start()
        assert self._process is not None
        with self._load.processor(self._process.pid):
            return self._outcome(pipe, work, time_limit_s)

    def _outcome(self, pipe: Connection[Any, Any], work: object, time_limit_s: float) -> object:
        try:
            pipe.send(work)
            if self._answers(pipe, time_limit_s):
                outcome: object = pipe.recv()
                return outcome
            failure: CairnError = OutOfTime(f"Reading the file took longer than {time_limit_s:g} seconds.")
        except (EOFError, OSError):
            failure = WorkerCrashed()
        self.kill()
        if self._process is not None and self._process.returncode == -signal.SIGXCPU:
            return OutOfTime(f"Reading the file took more than {self._cpu_limit_s} seconds of the processor.")
        return failure

    def _answers(self, pipe: Connection[Any, Any], time_limit_s: float) -> bool:
        """Whether it does within the limit, in which the time does not count that the machine gave to others."""
        assert self._process is not None
        began, queued = time.monotonic(), _queued_s(self._process.pid)
        left = time_limit_s
        while left > 0:
            if pipe.poll(left):
                return True
            passed = time.monotonic() - began
            left = time_limit_s - (passed - (_queued_s(self._process.pid) - queued))
        return False

    def kill(self) -> None:
        self._killed = True
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _start(self) -> Connection[Any, Any]:
        ours, theirs = Pipe()
        environment = os.environ | dict.fromkeys(_ONE_THREAD, "1") | {"MALLOC_ARENA_MAX": "2"}
        # The worker imports what the server does (-P), not what happens to lie in the folder it was started from.
        environment["PYTHONPATH"] = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
        command = [
            sys.executable,
            "-P",
            "-m",
            "app.adapters.worker",
            str(theirs.fileno()),
            str(self._memory_limit_bytes),
            str(self._cpu_limit_s),
            str(self._niceness),
        ]
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            command, pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.DEVNULL
        )
        self._load.started()
        theirs.close()
        self._pipe = ours
        if self._killed:
            self.kill()
        return ours


def _queued_s(pid: int) -> float:
    """How long a process has been ready to run and had no processor, in seconds: the second field of Linux' schedstat.

    Elsewhere 0: then a busy machine's time counts.
    """
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0
