"""What a folder of blobs promises beyond Blobs (pipelines/ports.py): whole and on the disk, and nothing out of the folder."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.adapters.blobs import FolderBlobs
from pipelines.domain.errors import StorageFull

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "files"


@pytest.fixture
def blobs(folder: Path) -> FolderBlobs:
    opened = FolderBlobs(folder)
    opened.open()
    return opened


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=st.text(alphabet="a./\\\0~ :\n", max_size=8))
@example("")
@example("/")
@example("..")
@example("../outside")
@example("originals/../../outside")
@example("/etc/passwd")
@example("a\0b")
@example(".incoming/x")
@example("a\n")
def test_no_key_reaches_out_of_the_folder(blobs: FolderBlobs, tmp_path: Path, key: str) -> None:
    """Nor is everything deleted by an empty prefix."""
    beside = tmp_path / "outside"
    beside.write_bytes(b"mine")

    async def use() -> None:
        await blobs.put("kept", b"x")
        refused = False
        try:
            await blobs.put(key, b"x")
        except ValueError:
            refused = True
        except OSError:
            pass  # a folder of that name is there
        if refused:
            for work in (blobs.put_file(key, beside), blobs.get(key), blobs.delete(key), blobs.keys(f"../{key}")):
                with pytest.raises(ValueError, match="not a key"):
                    await work
        else:
            await blobs.delete(key)
        assert beside.read_bytes() == b"mine"
        assert await blobs.get("kept") == b"x"

    asyncio.run(use())
    assert {path.name for path in tmp_path.iterdir()} == {"files", "outside"}


async def test_a_file_is_moved_when_it_can_be(blobs: FolderBlobs, tmp_path: Path) -> None:
    source = tmp_path / "upload"
    source.write_bytes(b"content")
    inode = source.stat().st_ino
    await blobs.put_file("originals/ver_1", source)
    assert not source.exists()
    async with blobs.local("originals/ver_1") as path:
        assert path.stat().st_ino == inode


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no second file system")
async def test_a_file_from_another_file_system_is_copied(blobs: FolderBlobs, folder: Path) -> None:
    source = Path("/dev/shm") / f"cairn-test-{os.getpid()}"
    source.write_bytes(b"content" * 100_000)
    if source.stat().st_dev == folder.stat().st_dev:
        source.unlink()
        pytest.skip("no second file system")
    await blobs.put_file("originals/ver_1", source)
    assert await blobs.get("originals/ver_1") == b"content" * 100_000
    assert not source.exists()
    assert _files(folder) == {"originals/ver_1"}


async def test_a_put_that_fails_leaves_the_old_content_and_no_leftovers(
    blobs: FolderBlobs, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await blobs.put("originals/ver_1", b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFull):
        await blobs.put("originals/ver_1", b"new")
    assert _files(folder) == {"originals/ver_1"}
    assert await blobs.get("originals/ver_1") == b"old"


async def test_a_name_is_on_the_disk_with_every_folder_that_leads_to_it(
    blobs: FolderBlobs, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(Path(f"/proc/self/fd/{descriptor}").readlink()))
    await blobs.put("redacted/ver_1/parser/policy", b"x")
    content, *folders = synced
    assert content.parent == folder / ".incoming"
    assert folders == [folder / "redacted/ver_1/parser", folder / "redacted/ver_1", folder / "redacted", folder]


WRITER = """
import asyncio, sys
from pathlib import Path
from app.adapters.blobs import FolderBlobs
blobs = FolderBlobs(Path(sys.argv[1]))
blobs.open()
async def main():
    number = 0
    while True:
        number += 1
        await blobs.put(f"originals/ver_{number}", bytes([number % 256]) * 200_000)
        print(number, flush=True)
asyncio.run(main())
"""


async def test_a_killed_writer_leaves_whole_files_only(folder: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], cwd=ROOT, stdout=subprocess.PIPE)
    with writer:
        assert writer.stdout is not None
        while int(writer.stdout.readline()) < 20:
            pass
        writer.kill()
        promised = 20 + len(writer.stdout.read().splitlines())
    (folder / ".incoming" / "leftover").write_bytes(b"half")
    blobs = FolderBlobs(folder)
    blobs.open()
    keys = await blobs.keys("originals")
    assert {f"originals/ver_{number}" for number in range(1, promised + 1)} <= set(keys)
    assert {len(await blobs.get(key)) for key in keys} == {200_000}
    assert _files(folder) == set(keys)
