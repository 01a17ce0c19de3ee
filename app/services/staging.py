"""Files on their way in: copied to the data folder's own disk, hashed, and looked at before anything is kept."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from pipelines.domain.errors import CairnError, EmptyFile, FileTooLarge, LimitExceeded, storage_errors
from pipelines.ingest import parse
from pipelines.ports import Workers

_BLOCK = 1024 * 1024
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class IncomingFile:
    filename: str
    stream: BinaryIO


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file that can be taken: not empty, not too large, of a type that is read, and not visibly broken."""

    filename: str
    path: Path
    sha256: str
    size_bytes: int
    media_type: str  # empty until it was looked at


class Staging:
    """A folder for files on their way; empty whenever nothing is on its way."""

    def __init__(
        self,
        folder: Path,
        workers: Workers,
        *,
        max_file_bytes: int,
        max_pages: int,
        ocr: parse.Ocr | None = None,
        glance_s: float = 10,
    ) -> None:
        self._folder = folder
        self._workers = workers
        self._max_file_bytes = max_file_bytes
        self._max_pages = max_pages
        self._ocr = ocr
        self._glance_s = glance_s

    def clear(self, before: datetime | None = None) -> int:
        """Makes the folder, without what was left in it, or what was left in it before; how many files that were."""
        self._folder.mkdir(parents=True, exist_ok=True)
        left = [each for each in self._folder.iterdir() if before is None or _written(each) < before.timestamp()]
        for leftover in left:
            leftover.unlink(missing_ok=True)
        return len(left)

    @asynccontextmanager
    async def staged(self, files: Sequence[IncomingFile]) -> AsyncIterator[list[StagedFile]]:
        """The files, checked, for as long as the context is entered. One bad file refuses them all.

        Raises EmptyFile, FileTooLarge, UnsupportedType, UnreadableFile and its kinds, StorageFull, StorageUnavailable.
        """
        taken: list[StagedFile] = []
        try:
            for file in files:
                staged = await asyncio.to_thread(self._copy, file)
                taken.append(staged)
                await self._look_at(staged)
            yield taken
        finally:
            for staged in taken:
                staged.path.unlink(missing_ok=True)

    @asynccontextmanager
    async def kept(self, files: Sequence[IncomingFile], most_bytes: int) -> AsyncIterator[list[StagedFile]]:
        """The files, copied and hashed and not looked at, for as long as the context is entered.

        Raises EmptyFile, FileTooLarge, StorageFull, StorageUnavailable.
        """
        taken: list[StagedFile] = []
        try:
            for file in files:
                taken.append(await asyncio.to_thread(self._write, safe_filename(file.filename), file, most_bytes))
            yield taken
        finally:
            for each in taken:
                each.path.unlink(missing_ok=True)

    def _copy(self, file: IncomingFile) -> StagedFile:
        copied = self._write(safe_filename(file.filename), file, self._max_file_bytes)
        try:
            with storage_errors():
                return replace(copied, media_type=parse.detect_media_type(copied.path, copied.filename))
        except BaseException as error:
            copied.path.unlink(missing_ok=True)
            if isinstance(error, CairnError):
                raise type(error)(f"{copied.filename}: {error.detail}") from error
            raise

    def _write(self, filename: str, file: IncomingFile, most_bytes: int) -> StagedFile:
        """The file, whatever it is."""
        with storage_errors():
            descriptor, name = tempfile.mkstemp(dir=self._folder)
            path = Path(name)
            try:
                digest, size = hashlib.sha256(), 0
                with os.fdopen(descriptor, "wb") as copy:
                    while block := file.stream.read(_BLOCK):
                        size += len(block)
                        if size > most_bytes:
                            raise FileTooLarge(f"{filename}: a file may have {most_bytes:,} bytes at most.")
                        digest.update(block)
                        copy.write(block)
                if size == 0:
                    raise EmptyFile(f"{filename}: the file is empty.")
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        return StagedFile(filename, path, digest.hexdigest(), size, media_type="")

    async def _look_at(self, file: StagedFile) -> None:
        """Refuses now what would fail later, at the price of a glance; only what looks odd is opened, in a worker."""
        if not await asyncio.to_thread(parse.suspicious, file.path, file.media_type):
            return
        try:
            async with asyncio.timeout(self._glance_s):
                pages = await self._workers.run(parse.probe, file.path, file.media_type, self._ocr)
            if pages > self._max_pages:
                raise LimitExceeded(f"The file has {pages:,} pages; {self._max_pages:,} are allowed.")
        except TimeoutError:
            return  # all workers are busy: the file is taken, and its job will say what is wrong with it
        except CairnError as error:
            raise type(error)(f"{file.filename}: {error.detail}") from error


def _written(path: Path) -> float:
    """When; a file that is gone meanwhile was written just now."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def safe_filename(name: str) -> str:
    """The last part of a path from any system, printable, 1 to 255 characters."""
    last = _UNPRINTABLE.sub("", name.replace("\\", "/").rsplit("/", 1)[-1]).strip()
    return last[-255:] or "unnamed"
