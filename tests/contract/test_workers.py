"""The promises of Workers (pipelines/ports.py), on real processes that crash, hang and eat memory."""

from __future__ import annotations

import asyncio
import ctypes
import mmap
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.adapters import process_pool
from app.adapters.process_pool import ProcessPool
from pipelines.domain.errors import EncryptedFile, LimitExceeded, StageFailed, WorkerCrashed
from pipelines.ingest import stages
from pipelines.ingest.parse import CSV, HTML, PageRange

MiB = 1024 * 1024


def double(number: int) -> int:
    return number * 2


def own_pid(_: int = 0) -> int:
    return os.getpid()


def die_by(number: int) -> None:
    os.kill(os.getpid(), number)


def read_address_zero() -> None:
    ctypes.string_at(0)


def allocate(size: int) -> int:
    return len(bytearray(size))


def hoard() -> None:
    kept: list[object] = []
    kept.append(kept)
    while True:
        kept.append(bytearray(1000))


def hang() -> None:
    while True:
        pass


def compute(seconds: float) -> None:
    started = time.process_time()
    while time.process_time() < started + seconds:
        pass


def map_file(path: Path) -> int:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        return len(mapped)


def refuse() -> None:
    raise EncryptedFile("needs a password")


def stumble() -> None:
    raise ZeroDivisionError("the document says 42")


@pytest.fixture
async def pool() -> AsyncIterator[ProcessPool]:
    async with ProcessPool(2, 400 * MiB, 120) as started:
        yield started


async def test_results_come_back_to_who_asked(pool: ProcessPool) -> None:
    assert await asyncio.gather(*(pool.run(double, number) for number in range(50))) == [n * 2 for n in range(50)]


async def test_work_runs_in_other_processes_and_no_more_than_allowed(pool: ProcessPool) -> None:
    pids = set(await asyncio.gather(*(pool.run(own_pid, number) for number in range(20))))
    assert os.getpid() not in pids
    assert 1 <= len(pids) <= 2


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
async def test_a_death_fails_its_own_task_only(pool: ProcessPool, number: int) -> None:
    dying, living = await asyncio.gather(pool.run(die_by, number), pool.run(double, 4), return_exceptions=True)
    assert isinstance(dying, WorkerCrashed)
    assert living == 8
    assert await pool.run(double, 5) == 10


async def test_a_native_crash_is_contained(pool: ProcessPool) -> None:
    with pytest.raises(WorkerCrashed):
        await pool.run(read_address_zero)
    assert await pool.run(double, 5) == 10


async def test_too_much_memory_is_refused(pool: ProcessPool) -> None:
    assert await pool.run(allocate, 50 * MiB) == 50 * MiB
    with pytest.raises(LimitExceeded):
        await pool.run(allocate, 800 * MiB)


async def test_memory_that_a_task_left_in_circles_is_given_back(pool: ProcessPool) -> None:
    with pytest.raises(LimitExceeded):
        await pool.run(hoard)
    assert await pool.run(allocate, 50 * MiB) == 50 * MiB


async def test_a_file_that_takes_too_much_memory_is_refused_by_name(pool: ProcessPool, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<!doctype html>" + "<p>a<b>c</b>" * 2_500_000)
    rows = tmp_path / "list.csv"
    rows.write_text("a,b\n" * 6_000_000)
    for path, media_type in ((page, HTML), (rows, CSV)):
        with pytest.raises(LimitExceeded, match="memory"):
            await pool.run(stages.parse_range, path, media_type, PageRange(1, 1))
    assert await pool.run(double, 5) == 10


async def test_a_task_that_hangs_is_ended() -> None:
    async with ProcessPool(1, 400 * MiB, 10) as pool:
        with pytest.raises(LimitExceeded):
            await pool.run(hang)
        assert await pool.run(double, 5) == 10


async def test_time_without_a_processor_is_not_held_against_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ProcessPool(1, 400 * MiB, 1) as pool:
        with pytest.raises(LimitExceeded):
            await pool.run(time.sleep, 3)
        began = time.monotonic()
        monkeypatch.setattr(process_pool, "_queued_s", lambda _: time.monotonic() - began)  # as on a very busy machine
        await pool.run(time.sleep, 3)


async def test_the_system_says_how_long_a_process_had_no_processor() -> None:
    crowd = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(3 * (os.cpu_count() or 1))]
    try:
        before = process_pool._queued_s(crowd[0].pid)
        await asyncio.sleep(1)
        assert process_pool._queued_s(crowd[0].pid) > before
    finally:
        for each in crowd:
            each.kill()
            each.wait()


async def test_the_kernel_ends_a_task_that_takes_too_much_of_the_processor() -> None:
    async with ProcessPool(1, 400 * MiB, 120, cpu_limit_s=1) as pool:
        for _ in range(3):
            await pool.run(compute, 0.6)  # each task has a second of its own
        with pytest.raises(LimitExceeded, match="processor"):
            await pool.run(hang)
        assert await pool.run(double, 5) == 10


async def test_the_address_space_is_limited_too(pool: ProcessPool, tmp_path: Path) -> None:
    sparse = tmp_path / "sparse"
    with sparse.open("wb") as file:
        file.truncate(8 << 30)
    with pytest.raises(StageFailed, match="OSError"):
        await pool.run(map_file, sparse)


async def test_our_errors_arrive_as_they_are_and_others_without_their_words(pool: ProcessPool) -> None:
    with pytest.raises(EncryptedFile, match="needs a password"):
        await pool.run(refuse)
    with pytest.raises(StageFailed, match="ZeroDivisionError") as caught:
        await pool.run(stumble)
    assert "42" not in str(caught.value)


async def test_a_cancelled_task_stops_and_frees_its_place() -> None:
    async with ProcessPool(1, 400 * MiB, 60) as pool:
        task = asyncio.create_task(pool.run(hang))
        await asyncio.sleep(0)
        while not pool._busy:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await pool.run(double, 5) == 10


async def test_processes_go_when_there_is_nothing_to_do() -> None:
    async with ProcessPool(1, 400 * MiB, 20, idle_timeout_s=0.05) as pool:
        first = await pool.run(own_pid)
        await _gone(first)
        assert await pool.run(own_pid) != first


async def test_a_process_is_replaced_after_a_while() -> None:
    async with ProcessPool(1, 400 * MiB, 20, tasks_per_process=2) as pool:
        pids = [await pool.run(own_pid) for _ in range(4)]
    assert pids[0] == pids[1] != pids[2] == pids[3]


async def test_workers_hold_none_of_the_servers_sockets(pool: ProcessPool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.set_inheritable(True)
        assert await pool.run(_open_sockets) == 1  # the pipe to us


def _open_sockets() -> int:
    return sum(
        os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
        for name in os.listdir("/proc/self/fd")
        if os.path.exists(f"/proc/self/fd/{name}")
    )


@pytest.mark.parametrize("task", ["record_pid_and_hang", "record_pid_and_hold_the_interpreter"])
async def test_workers_die_with_a_parent_that_is_killed(tmp_path: Path, task: str) -> None:
    pid_file = tmp_path / "pid"
    program = (
        "import asyncio, os\n"
        "from app.adapters.process_pool import ProcessPool\n"
        f"from tests.contract.test_workers import {task}\n"
        f"asyncio.run(ProcessPool(1, {400 * MiB}, 60).run({task}, {str(pid_file)!r}))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).parents[2])
    while not (pid_file.exists() and pid_file.read_text()):
        await asyncio.sleep(0.02)
    parent.kill()
    parent.wait()
    await _gone(int(pid_file.read_text()))


def record_pid_and_hang(path: str) -> None:
    Path(path).write_text(str(os.getpid()))
    time.sleep(600)


def record_pid_and_hold_the_interpreter(path: str) -> None:
    """As native code does that hangs: no other thread of the process runs."""
    Path(path).write_text(str(os.getpid()))
    re.match("(a+)+$", "a" * 60 + "b")


async def test_work_is_found_wherever_the_server_was_started(
    pool: ProcessPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").touch()  # somebody else's
    monkeypatch.chdir(tmp_path)
    assert await pool.run(double, 4) == 8


async def _gone(pid: int) -> None:
    async with asyncio.timeout(10):
        while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split(") ")[1][:1]:
            await asyncio.sleep(0.02)
