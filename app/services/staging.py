"""Files on their way in: copied to the data folder's own disk, hashed, and looked at before anything is kept."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pipelines.domain.errors import CairnError, EmptyFile, FileTooLarge, LimitExceeded, UnsupportedType
from pipelines.ingest import parse
from pipelines.ports import Workers

_BLOCK = 1024 * 1024
_HEAD = 4096
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
    media_type: str


class Staging:
    """A folder for files on their way; empty whenever nothing is on its way."""

    def __init__(self, folder: Path, workers: Workers, *, max_file_bytes: int, max_pages: int) -> None:
        self._folder = folder
        self._workers = workers
        self._max_file_bytes = max_file_bytes
        self._max_pages = max_pages

    def clear(self) -> None:
        """Makes the folder, without what a crash left in it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for leftover in self._folder.iterdir():
            leftover.unlink()

    @asynccontextmanager
    async def staged(self, files: Sequence[IncomingFile]) -> AsyncIterator[list[StagedFile]]:
        """The files, checked, for as long as the context is entered. One bad file refuses them all.

        Raises EmptyFile, FileTooLarge, UnsupportedType, UnreadableFile and its kinds.
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

    def _copy(self, file: IncomingFile) -> StagedFile:
        filename = safe_filename(file.filename)
        descriptor, name = tempfile.mkstemp(dir=self._folder)
        path = Path(name)
        try:
            digest, size, head = hashlib.sha256(), 0, b""
            with os.fdopen(descriptor, "wb") as copy:
                while block := file.stream.read(_BLOCK):
                    head = head or block[:_HEAD]
                    size += len(block)
                    if size > self._max_file_bytes:
                        raise FileTooLarge(f"{filename}: a file may have {self._max_file_bytes:,} bytes at most.")
                    digest.update(block)
                    copy.write(block)
            if size == 0:
                raise EmptyFile(f"{filename}: the file is empty.")
            media_type = parse.detect_media_type(head, filename)
            if media_type is None:
                raise UnsupportedType(
                    f"{filename}: this type of file cannot be read. Send PDF, Markdown or plain text."
                )
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return StagedFile(filename, path, digest.hexdigest(), size, media_type)

    async def _look_at(self, file: StagedFile) -> None:
        """Refuses now what would fail later, at the price of a glance; only what looks odd is opened, in a worker."""
        if not await asyncio.to_thread(parse.suspicious, file.path, file.media_type):
            return
        try:
            pages = await self._workers.run(parse.probe, file.path, file.media_type)
            if pages > self._max_pages:
                raise LimitExceeded(f"The file has {pages:,} pages; {self._max_pages:,} are allowed.")
        except CairnError as error:
            raise type(error)(f"{file.filename}: {error.detail}") from error


def safe_filename(name: str) -> str:
    """The last part of a path from any system, printable, 1 to 255 characters."""
    last = _UNPRINTABLE.sub("", name.replace("\\", "/").rsplit("/", 1)[-1]).strip()
    return last[-255:] or "unnamed"
