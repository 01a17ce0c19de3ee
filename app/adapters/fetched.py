"""A file of another machine, brought here whole before anything looks at it."""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pipelines.domain.errors import FileTooLarge, storage_errors
from pipelines.domain.sources import ListedFile


class Fetched:
    """SourceContent of pipelines/ports.py."""

    def __init__(self, listed: ListedFile, name: str, file: BinaryIO) -> None:
        self.listed = listed
        self.name = name
        self._file = file
        self._digest = hashlib.sha256()

    @property
    def stream(self) -> BinaryIO:
        return io.BufferedReader(_Counted(self), 1024 * 1024)

    def digest(self) -> str:
        return self._digest.hexdigest()

    def rewind(self) -> None:
        self._file.seek(0)
        self._digest = hashlib.sha256()

    def read(self, most_bytes: int = -1) -> bytes:
        with storage_errors():
            block = self._file.read(most_bytes)
        self._digest.update(block)
        return block


class _Counted(io.RawIOBase):
    """What was fetched; closing it leaves the file open."""

    def __init__(self, fetched: Fetched) -> None:
        self._fetched = fetched

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # a reader above gives nothing else
        block = self._fetched.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)


@contextmanager
def fetched(folder: Path, listed: ListedFile, name: str, blocks: Iterable[bytes], most_bytes: int) -> Iterator[Fetched]:
    """The file while the context is entered; nothing of it stays in `folder`, not even after a kill.

    Raises FileTooLarge, StorageFull, StorageUnavailable, and what `blocks` does.
    """
    with storage_errors():
        folder.mkdir(parents=True, exist_ok=True)
        file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed below
    with file:
        size = 0
        for block in blocks:
            size += len(block)
            if size > most_bytes:
                raise FileTooLarge(f"{name}: a file may have {most_bytes:,} bytes at most.")
            with storage_errors():
                file.write(block)
        content = Fetched(listed, name, file)
        content.rewind()
        yield content
