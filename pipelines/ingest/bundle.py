"""ZIP archives of files to be taken in, sent by anybody: refused by what the directory says, before anything is unpacked.

No more of a member is ever unpacked than the directory says, so what is checked here holds.
"""

from __future__ import annotations

import errno
import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, LargeZipFile, ZipFile, ZipInfo

from pipelines.domain.intake_errors import (
    BundleBomb,
    BundleEmpty,
    BundleEncrypted,
    BundleTooLarge,
    BundleTooManyFiles,
    BundleUnreadable,
    BundleUnsafePath,
)
from pipelines.domain.sources import is_passing

MOST_RATIO = 400  # of all files together; text of many lines alike is packed 50 to 200 times
_SMALL = 16 * 1024 * 1024  # bytes, unpacked: a bundle of fewer is not asked for its ratio
_DIRECTORY_ENTRY = 1024  # bytes an entry may have on average: names are long, extra fields are not
_END = struct.Struct("<4s4H2LH")  # end of central directory record (APPNOTE.TXT 4.3.16)
_LONGEST_COMMENT = 65_535
_ZIP64_LOCATOR, _ZIP64_LOCATOR_BYTES = b"PK\x06\x07", 20
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".jar")
# What `zipfile` raises over bytes that are not as it expects.
_BROKEN = (BadZipFile, LargeZipFile, NotImplementedError, EOFError, zlib.error, struct.error, RuntimeError, ValueError)

_DAMAGED = "This file of the bundle is damaged."


class Limits(NamedTuple):
    files: int
    size_bytes: int  # of all files, unpacked


class Member(NamedTuple):
    """A file of a bundle. `nested`: an archive again, or a link: it is not looked into."""

    path: str
    entry: int  # its place in the directory
    nested: bool


def members(path: Path, limits: Limits) -> list[Member]:
    """The files in the bundle, in its own order, without folders, hidden and temporary ones.

    Raises BundleUnreadable, BundleTooManyFiles, BundleTooLarge, BundleBomb, BundleEncrypted, BundleUnsafePath,
    BundleEmpty.
    """
    with opened(path, limits) as file:
        entries = file.infolist()
    _check(entries, limits, path.stat().st_size)
    found = []
    for number, entry in enumerate(entries):
        name = _safe(entry.filename)
        if not entry.is_dir() and not any(is_passing(part) for part in name.split("/")):
            found.append(Member(name, number, nested=_is_link(entry) or name.lower().endswith(_ARCHIVES)))
    if not found:
        raise BundleEmpty
    return found


@contextmanager
def opened(path: Path, limits: Limits) -> Iterator[ZipFile]:
    """Raises BundleUnreadable, BundleTooManyFiles, BundleTooLarge."""
    _check_end(path, limits)
    with _broken_told("This is not a ZIP archive, or it is damaged."):
        file = ZipFile(path)
    with file:
        yield file


@contextmanager
def stream(file: ZipFile, member: Member) -> Iterator[BinaryIO]:
    """The member's bytes. Reading them raises BundleUnreadable where they are not what the directory says."""
    with _broken_told(_DAMAGED):
        inner = file.open(file.infolist()[member.entry])
    with inner:
        yield BufferedReader(_Unpacked(inner), 1024 * 1024)


@contextmanager
def _broken_told(detail: str) -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise BundleUnreadable(detail) from error
    except OSError as error:
        if error.errno == errno.EINVAL:  # it was led to a place before the file's start
            raise BundleUnreadable(detail) from error
        raise


class _Unpacked(RawIOBase):
    def __init__(self, inner: IO[bytes]) -> None:
        self._inner = inner

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # a reader above gives nothing else
        with _broken_told(_DAMAGED):
            block = self._inner.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)


def _check_end(path: Path, limits: Limits) -> None:
    """The directory is read whole into memory, so its own size comes first."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _END.size - _LONGEST_COMMENT - _ZIP64_LOCATOR_BYTES))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END.size > len(tail):
        raise BundleUnreadable
    _, _, _, _, entries, size, _, _ = _END.unpack_from(tail, at)
    if tail[max(0, at - _ZIP64_LOCATOR_BYTES) : at].startswith(_ZIP64_LOCATOR):
        raise BundleTooLarge("A bundle may have 4 GB or 65,535 files at most.")
    most = _entries(limits)
    if entries > most or size > most * _DIRECTORY_ENTRY:
        raise BundleTooManyFiles(f"The bundle has {entries:,} files and folders; {most:,} are allowed.")


def _check(entries: list[ZipInfo], limits: Limits, packed: int) -> None:
    if len(entries) > _entries(limits):
        raise BundleTooManyFiles(
            f"The bundle has {len(entries):,} files and folders; {_entries(limits):,} are allowed."
        )
    if not all(entry.filename for entry in entries):
        raise BundleUnreadable("A file of the bundle has no name.")
    files = sum(not entry.is_dir() for entry in entries)
    if files > limits.files:
        raise BundleTooManyFiles(f"The bundle has {files:,} files; {limits.files:,} are allowed.")
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > max(_SMALL, MOST_RATIO * packed):
        raise BundleBomb(f"The bundle is packed more than {MOST_RATIO} times.")
    if unpacked > limits.size_bytes:
        raise BundleTooLarge(f"Unpacked, the bundle has {unpacked:,} bytes; {limits.size_bytes:,} are allowed.")
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise BundleEncrypted
    if any(entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED) for entry in entries):
        raise BundleUnreadable("The bundle is packed in another way than ZIP's usual one (deflate).")


def _entries(limits: Limits) -> int:
    """With the folders that files lie in, and what a Mac puts beside them."""
    return 3 * limits.files + 10


def _safe(name: str) -> str:
    """The path with `/` between names. Raises BundleUnsafePath for one that leads out of the bundle."""
    path = name.replace("\\", "/").rstrip("/")
    parts = path.split("/")
    if path.startswith("/") or ".." in parts or (len(parts[0]) > 1 and parts[0][1] == ":") or not path.isprintable():
        raise BundleUnsafePath
    return "/".join(part for part in parts if part not in ("", "."))


def _is_link(entry: ZipInfo) -> bool:
    return stat.S_ISLNK(entry.external_attr >> 16)
