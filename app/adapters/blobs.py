"""Files in a folder, by key. What a put returned from is on the disk, whole; one that finds no room raises StorageFull."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path

from pipelines.domain.errors import storage_errors

_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_INCOMING = ".incoming"


class FolderBlobs:
    """Blobs of pipelines/ports.py."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / _INCOMING

    def open(self) -> None:
        """Makes the folder, and removes what a crash left half written."""
        self._incoming.mkdir(parents=True, exist_ok=True)
        for leftover in self._incoming.iterdir():
            leftover.unlink()

    def close(self) -> None:
        """Nothing is held."""

    async def ping(self) -> None:
        """Raises StorageFull, StorageUnavailable."""

        def write() -> None:
            with storage_errors(), tempfile.TemporaryFile(dir=self._incoming) as file:
                file.write(b"ping")

        await asyncio.to_thread(write)

    async def put(self, key: str, data: bytes) -> None:
        path = self._path(key)

        def write() -> None:
            with storage_errors(), self._temporary() as temporary:
                temporary.write_bytes(data)
                self._settle(temporary, path)

        await asyncio.to_thread(write)

    async def put_file(self, key: str, path: Path) -> None:
        await asyncio.to_thread(self._take, path, self._path(key))

    async def get(self, key: str) -> bytes:
        try:
            return await asyncio.to_thread(self._path(key).read_bytes)
        except FileNotFoundError:
            raise KeyError(key) from None

    async def exists(self, key: str) -> bool:
        return await asyncio.to_thread(self._path(key).is_file)

    @asynccontextmanager
    async def local(self, key: str) -> AsyncIterator[Path]:
        path = self._path(key)
        if not await asyncio.to_thread(path.is_file):
            raise KeyError(key)
        yield path

    async def delete(self, prefix: str) -> None:
        path = self._path(prefix.removesuffix("/"))

        def remove() -> None:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
            if path.parent.is_dir():
                _sync(path.parent)

        await asyncio.to_thread(remove)

    async def keys(self, prefix: str, before: datetime | None = None) -> list[str]:
        path = self._path(prefix.removesuffix("/"))

        def found() -> list[str]:
            files = path.rglob("*") if path.is_dir() else [path]
            named = (file for file in files if file.is_file())
            old = (file for file in named if before is None or file.stat().st_mtime < before.timestamp())
            return sorted(file.relative_to(self._root).as_posix() for file in old)

        return await asyncio.to_thread(found)

    def _path(self, key: str) -> Path:
        return self._root / checked_key(key)

    def _take(self, source: Path, target: Path) -> None:
        with storage_errors():
            if source.stat().st_dev == self._incoming.stat().st_dev:
                self._settle(source, target)
                return
            with self._temporary() as copy:
                shutil.copyfile(source, copy)
                self._settle(copy, target)
        source.unlink()

    @contextmanager
    def _temporary(self) -> Iterator[Path]:
        """A file to be filled and settled; nothing is left of it when that fails, least of all on a full disk."""
        descriptor, name = tempfile.mkstemp(dir=self._incoming)
        os.close(descriptor)
        try:
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)

    def _settle(self, source: Path, target: Path) -> None:
        """Moves a complete file to its place: its bytes are on the disk first, its name last."""
        _sync(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)
        for folder in target.parents:  # each may be new, and a folder's name is kept by the one above
            _sync(folder)
            if folder == self._root:
                break


def checked_key(key: str) -> str:
    """The key, if it is one: names of A-Z a-z 0-9 . _ - between slashes. ValueError."""
    if not _KEY.fullmatch(key) or ".." in key.split("/"):
        raise ValueError(f"not a key: {key!r}")
    return key


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
