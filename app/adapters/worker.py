"""The program of a worker process: `python -m app.adapters.worker FD MEMORY_LIMIT_BYTES CPU_LIMIT_S NICENESS`.

It runs what comes down the pipe until the pipe ends. It dies with its parent, also in the middle of a task.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import math
import os
import resource
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection

from pipelines.domain.errors import CairnError, LimitExceeded, OutOfMemory, StageFailed

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1  # prctl(2)


_MAPPED_BYTES = 4 << 30  # address space beside private memory: libraries, what they reserve, files that are mapped


def main(descriptor: int, memory_limit_bytes: int, cpu_limit_s: int, niceness: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server decides when to stop
    os.nice(niceness)
    resource.setrlimit(resource.RLIMIT_DATA, (memory_limit_bytes, memory_limit_bytes))
    address_space = memory_limit_bytes + _MAPPED_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold the document
    pipe: Connection[object, tuple[Callable[..., object], tuple[object, ...], dict[str, object]]] = Connection(
        descriptor
    )
    _end_with_parent(descriptor)
    while True:
        try:
            task, args, kwargs = pipe.recv()
        except EOFError:
            return
        _limit_cpu(cpu_limit_s)
        outcome = _outcome(task, args, kwargs)
        if isinstance(outcome, LimitExceeded):
            gc.collect()  # what the task left in circles may be all the memory there is
        pipe.send(outcome)
        del task, args, kwargs, outcome
        _give_back_memory()


def _give_back_memory() -> None:
    """What the last task needed is the system's again while this process waits; glibc alone keeps it otherwise."""
    if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)


def _limit_cpu(seconds: int) -> None:
    """For the next task. The kernel ends the process by SIGXCPU, also where the server does not get to it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(
        resource.RLIMIT_CPU, (math.ceil(used.ru_utime + used.ru_stime) + seconds, resource.RLIM_INFINITY)
    )


def _outcome(task: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]) -> object:
    try:
        return task(*args, **kwargs)
    except CairnError as error:
        return error
    except MemoryError:
        return OutOfMemory("Reading the file took more memory than is allowed.")
    except Exception as error:
        # The place and the kind, never the message: it may quote the document.
        places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
        log.error("%s failed: %s at %s", task.__qualname__, type(error).__name__, " < ".join(places[:-4:-1]))
        return StageFailed(f"{StageFailed.__doc__} ({type(error).__name__})")


def _end_with_parent(descriptor: int) -> None:
    """By the kernel's hand where it has one, because MuPDF holds the interpreter's lock for as long as it works and no
    thread of ours would run; elsewhere when the pipe ends.

    The kernel means the thread that started us: one of the pool's, which live until the pool is closed.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_wait_for_end, args=(descriptor,), daemon=True).start()


def _wait_for_end(descriptor: int) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLHUP)
    poll.poll()
    os._exit(1)


if __name__ == "__main__":
    logging.basicConfig(format="%(asctime)s [%(levelname)s] worker: %(message)s")
    main(*map(int, sys.argv[1:]))
