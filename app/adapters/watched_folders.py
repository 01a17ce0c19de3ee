"""Folders of this machine that tenants may watch. Every path is walked name by name, and no link is ever followed."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pipelines.domain.intake_errors import (
    FileBlocked,
    FileChanged,
    SourceMissing,
    SourceNotAllowed,
    SourceTooLarge,
    SyncOff,
)
from pipelines.domain.sources import ListedFile, Listing, Seen, is_passing

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe that nobody writes to must not hang us


class LocalFolders:
    """SourceReader of pipelines/ports.py. `roots` by tenant; `private` is the data folder, which nobody watches."""

    def __init__(self, roots: Mapping[str, Sequence[Path]], private: Path, *, most_files: int = 500_000) -> None:
        self._roots = roots
        self._private = private
        self._most_files = most_files

    def allowed(self, tenant_id: str, place: str) -> str:
        if not any(self._roots.values()):
            raise SyncOff
        if not Path(place).is_absolute() or "\0" in place:
            raise SourceNotAllowed("Name the folder by its whole path, from / on.")
        self._root_of(tenant_id, Path(os.path.realpath(place)))  # says nothing about what lies elsewhere
        with self._opened(tenant_id, os.path.realpath(place)):
            return os.path.realpath(place)

    def listing(self, tenant_id: str, place: str, seen: Seen) -> Listing:  # noqa: ARG002 - the whole folder is looked at
        files: list[ListedFile] = []
        unreadable: list[str] = []
        with self._opened(tenant_id, place) as folder:
            waiting = [""]
            while waiting:
                inside = waiting.pop()
                try:
                    found, folders = self._entries(folder, inside, unreadable)
                except OSError:
                    if not inside:
                        raise SourceMissing("The folder cannot be read.") from None
                    unreadable.append(inside)
                    continue
                files += found
                waiting += folders
                if len(files) + len(waiting) > self._most_files:
                    raise SourceTooLarge(f"A source may have {self._most_files:,} files at most.")
        return Listing(tuple(files), tuple(unreadable))

    @contextmanager
    def open(self, tenant_id: str, place: str, file: ListedFile) -> Iterator[OpenFile]:
        with self._opened(tenant_id, place) as folder:
            try:
                with _within(folder, file.path) as (parent, name):
                    descriptor = os.open(name, _FILE, dir_fd=parent)
            except PermissionError:
                raise FileBlocked("The server may not read this file.") from None
            except (FileNotFoundError, NotADirectoryError):
                raise FileNotFoundError(file.path) from None
            except OSError as error:  # a link, by now
                raise FileBlocked(f"The file cannot be opened: {error.strerror}.") from None
        with os.fdopen(descriptor, "rb", buffering=0) as opened:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise FileBlocked("This is not a file.")
            yield OpenFile(file.path, opened)

    def exists(self, tenant_id: str, place: str, path: str) -> bool:
        with self._opened(tenant_id, place) as folder:
            try:
                with _within(folder, path) as (parent, name):
                    return stat.S_ISREG(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
            except (FileNotFoundError, NotADirectoryError):
                return False
            except OSError:  # what cannot be seen may be there
                return True

    def _root_of(self, tenant_id: str, folder: Path) -> Path:
        """The root that the folder is under. Raises SyncOff, SourceNotAllowed."""
        roots = self._roots.get(tenant_id, ())
        if not roots:
            raise SyncOff
        real = [Path(os.path.realpath(root)) for root in roots]
        if folder.is_relative_to(self._private) or self._private.is_relative_to(folder):
            raise SourceNotAllowed("Cairn's own data folder is not a source.")
        found = next((root for root in real if folder.is_relative_to(root)), None)
        if found is None:
            raise SourceNotAllowed
        return found

    @contextmanager
    def _opened(self, tenant_id: str, path: str) -> Iterator[int]:
        """The folder, reached from its root without a link. Raises SourceMissing."""
        root = self._root_of(tenant_id, Path(path))
        try:
            descriptor = os.open(root, _FOLDER)
        except OSError:
            raise SourceMissing("The folder is not there, or the server may not read it.") from None
        try:
            for name in Path(path).relative_to(root).parts:
                try:
                    inner = os.open(name, _FOLDER, dir_fd=descriptor)
                except OSError:
                    raise SourceMissing("The folder is not there, or the server may not read it.") from None
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)

    def _entries(self, folder: int, inside: str, unreadable: list[str]) -> tuple[list[ListedFile], list[str]]:
        """Files of a folder, and the folders in it. Raises OSError."""
        files: list[ListedFile] = []
        folders: list[str] = []
        with _folder(folder, inside) as descriptor, os.scandir(descriptor) as entries:
            for entry in entries:
                if is_passing(entry.name) or entry.is_symlink():
                    continue
                path = f"{inside}/{entry.name}" if inside else entry.name
                if not _is_text(entry.name):
                    unreadable.append(path.encode(errors="surrogateescape").decode(errors="backslashreplace"))
                elif entry.is_dir(follow_symlinks=False):
                    folders.append(path)
                elif entry.is_file(follow_symlinks=False):
                    try:
                        found = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    files.append(ListedFile(path, found.st_size, found.st_mtime_ns))
        return files, folders


class OpenFile:
    """SourceContent of pipelines/ports.py."""

    def __init__(self, path: str, file: io.FileIO) -> None:
        self._path = path
        self._file = file
        self._digest = hashlib.sha256()
        self._listed = self._now()

    @property
    def listed(self) -> ListedFile:
        return self._listed

    @property
    def name(self) -> str:
        return self._path.rpartition("/")[2]

    @property
    def stream(self) -> BinaryIO:
        return io.BufferedReader(_Steady(self), 1024 * 1024)

    def digest(self) -> str:
        return self._digest.hexdigest()

    def rewind(self) -> None:
        self._file.seek(0)
        self._digest = hashlib.sha256()

    def readinto(self, buffer: memoryview) -> int:
        try:
            count = self._file.readinto(buffer)
        except OSError as error:  # not one of our own disk
            raise FileBlocked(f"The file cannot be read: {error.strerror}.") from None
        if count:
            self._digest.update(buffer[:count])
        elif self._now() != self._listed:
            raise FileChanged
        return count or 0

    def _now(self) -> ListedFile:
        found = os.fstat(self._file.fileno())
        return ListedFile(self._path, found.st_size, found.st_mtime_ns)


class _Steady(io.RawIOBase):
    """A file's bytes; closing it leaves the file open."""

    def __init__(self, file: OpenFile) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # a reader above gives nothing else
        return self._file.readinto(buffer)


@contextmanager
def _folder(start: int, path: str) -> Iterator[int]:
    """A folder below another, each name of its path opened by itself. Raises OSError."""
    descriptor = os.dup(start)
    try:
        for name in path.split("/") if path else ():
            _refuse_upwards(name)
            inner = os.open(name, _FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _within(start: int, path: str) -> Iterator[tuple[int, str]]:
    """The folder that a path below another folder leads to, and the last name. Raises OSError."""
    inside, _, name = path.rpartition("/")
    _refuse_upwards(name)
    with _folder(start, inside) as descriptor:
        yield descriptor, name


def _refuse_upwards(name: str) -> None:
    if name in ("", ".", ".."):
        raise FileNotFoundError(name)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
