"""A disk that is full, cannot be written or belongs to another: a clear error or a wait, and nothing lost."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.e2e.engine import free_port
from tests.e2e.server import KEY, ROOT, Server, events, finished, running, upload

SIZE = 400 << 20


class Disk:
    """A small file system of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, leave: int = 0) -> None:
        with self._ballast.open("ab") as file:
            while room := max(0, _free(self.folder) - leave):
                try:
                    file.write(bytes(min(room, 1 << 20)))
                    file.flush()
                except OSError:
                    return

    def make_room(self) -> None:
        self._ballast.unlink()

    def remount(self, how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", self.folder], check=True, capture_output=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a file system")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def note(tmp_path: Path) -> Path:
    path = tmp_path / "leave.md"
    path.write_text("# Leave\n\nStaff have 28 days of paid leave a year. It is agreed with the team.\n" * 20)
    return path


def test_an_upload_that_finds_no_room_is_refused_whole_and_works_when_there_is_room(disk: Disk, note: Path) -> None:
    large = note.with_name("large.md")
    large.write_bytes(note.read_bytes() + b"\n" * 1_500_000)
    with running(disk.folder / "data") as server, server.client() as client:
        first = upload(client, note)
        finished(client, first["job_id"])
        disk.fill(leave=200_000)
        with large.open("rb") as file:
            refused = client.post("/v1/documents", files={"file": ("large.md", file)})
        assert (refused.status_code, refused.json()["code"]) == (507, "storage_full")
        assert [each["id"] for each in client.get("/v1/documents").json()["documents"]] == [first["document_id"]]
        assert _finds(client, "paid leave"), "what was there is still found"
        assert list((server.data_dir / "incoming").iterdir()) == []
        disk.make_room()
        finished(client, upload(client, large)["job_id"])


def test_a_disk_that_fills_up_under_a_job_holds_it_until_there_is_room(disk: Disk, note: Path) -> None:
    with (
        running(disk.folder / "data", CAIRN_RETRY_WAIT_S="1", CAIRN_STEP_RETRIES="20") as server,
        server.client() as client,
    ):
        finished(client, upload(client, note)["job_id"])
        other = note.with_name("other.md")
        other.write_text("# Travel\n\n" + "Trains are booked by the office. The fare is paid at once.\n\n" * 300)
        document = upload(client, other)
        disk.fill()
        time.sleep(4)  # long enough for steps to fail, or for the record of their failure to
        disk.make_room()
        job = finished(client, document["job_id"])
        assert _finds(client, "trains booked by the office")
        assert job["error"] is None


@pytest.mark.parametrize("store", ["files", "incoming"])
def test_a_folder_that_cannot_be_written_is_told_and_does_not_stop_questions(
    disk: Disk, tmp_path: Path, note: Path, store: str
) -> None:
    with running(tmp_path / "data") as server, server.client() as client:
        finished(client, upload(client, note)["job_id"])
        (disk.folder / ".incoming").mkdir()
        disk.remount("ro")
        with _in_its_place(server.data_dir / store, disk.folder):
            other = note.with_name("other.md")
            other.write_text("# Other\n\nOther text.\n")
            with other.open("rb") as file:
                refused = client.post("/v1/documents", files={"file": ("other.md", file)})
            assert (refused.status_code, refused.json()["code"]) == (503, "storage_unavailable")
            assert _finds(client, "paid leave")
        finished(client, upload(client, other)["job_id"])


def test_a_server_that_cannot_write_its_folder_says_so_in_a_line(disk: Disk) -> None:
    disk.remount("ro")
    code, said = _serve(disk.folder / "data")
    assert code == 1
    assert str(disk.folder) in said
    assert "cannot be written" in said
    assert len(said.strip().splitlines()) == 1, said


def test_a_second_server_on_the_folder_ends_and_disturbs_nothing(tmp_path: Path, note: Path) -> None:
    with running(tmp_path / "data") as server, server.client() as client:
        on_its_way = server.data_dir / "incoming" / "on-its-way"
        on_its_way.write_bytes(b"half a file")
        assert server.process is not None
        code, said = _serve(server.data_dir)
        assert code == 1
        assert f"is in use by process {server.process.pid}" in said
        assert len(said.strip().splitlines()) == 1, said
        assert on_its_way.exists()
        finished(client, upload(client, note)["job_id"])


def test_the_folder_of_a_killed_server_is_free_at_once(tmp_path: Path, note: Path) -> None:
    server = Server(tmp_path / "data").start()
    try:
        with server.client() as client:
            document = upload(client, note)
            next(events(client, "GET", f"/v1/jobs/{document['job_id']}/events"))
        server.kill()  # its workers may live a little longer
        server.start()
        with server.client() as client:
            finished(client, document["job_id"])
    finally:
        server.stop()


def test_an_upload_waits_for_a_catalog_that_another_process_writes(tmp_path: Path, note: Path) -> None:
    with running(tmp_path / "data") as server, server.client() as client:
        with _writing(server.data_dir / "catalog.sqlite3") as release:
            threading.Timer(3, release).start()
            document = upload(client, note)
        finished(client, document["job_id"])


def test_a_catalog_that_stays_busy_is_told_and_nothing_is_left(tmp_path: Path, note: Path) -> None:
    with running(tmp_path / "data") as server, server.client() as client:
        with _writing(server.data_dir / "catalog.sqlite3") as release, note.open("rb") as file:
            refused = client.post("/v1/documents", files={"file": ("leave.md", file)})
            assert (refused.status_code, refused.json()["code"]) == (503, "dependency_unavailable")
            release()
        assert client.get("/v1/documents").json()["documents"] == []
        finished(client, upload(client, note)["job_id"])


def _finds(client: httpx.Client, query: str) -> bool:
    found = client.post("/v1/search", json={"query": query})
    assert found.status_code == 200, found.text
    return bool(found.json()["passages"])


def _serve(data_dir: Path) -> tuple[int, str]:
    """What `cairn serve` ends with, and what it says."""
    environment = {**os.environ, "CAIRN_DATA_DIR": str(data_dir), "CAIRN_BOOTSTRAP_KEY": KEY, "CAIRN_OLLAMA_URL": ""}
    command = [sys.executable, "-m", "app.cli", "serve", "--port", str(free_port())]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return ended.returncode, ended.stdout + ended.stderr


@contextmanager
def _in_its_place(folder: Path, other: Path) -> Iterator[None]:
    away = folder.with_name(f"{folder.name}-away")
    folder.rename(away)
    folder.symlink_to(other)
    try:
        yield
    finally:
        folder.unlink()
        away.rename(folder)


@contextmanager
def _writing(catalog: Path) -> Iterator[Callable[[], None]]:
    """Another process' transaction, open until it is released."""
    with closing(sqlite3.connect(catalog, isolation_level=None, check_same_thread=False)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection.rollback


def _free(folder: Path) -> int:
    space = os.statvfs(folder)
    return space.f_bavail * space.f_frsize
