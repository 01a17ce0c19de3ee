"""ZIP archives (DOCX and its like) that nobody vouches for: refused by what their directory says, before any of it is
unpacked, and then for parts that are not what the directory says, or that declare XML entities.
"""

from __future__ import annotations

import errno
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, LargeZipFile, ZipFile, ZipInfo

from pipelines.domain.errors import DecompressionBomb, EncryptedFile, TruncatedFile, UnreadableFile, UnsafeMarkup

MOST_PARTS = 10_000
MOST_BYTES = 512 * 1024 * 1024  # of all parts, unpacked
MOST_RATIO = 400  # of a part; XML of a regular table is packed 50 to 200 times
_SMALL = 8 * 1024 * 1024  # bytes: a part of fewer is not asked for its ratio

_DIRECTORY_BYTES = MOST_PARTS * 512
_END = struct.Struct("<4s4H2LH")  # end of central directory record (APPNOTE.TXT 4.3.16)
_LONGEST_COMMENT = 65_535
_ZIP64_LOCATOR, _ZIP64_LOCATOR_BYTES = b"PK\x06\x07", 20
_ENCRYPTED = 0x1
_PAGES = (".html", ".htm", ".xhtml")
_BLOCK, _GLANCE = 1024 * 1024, 4096


class _RootReached(Exception):
    """The root element: what could declare an entity stands before it."""


def names(path: Path) -> frozenset[str]:
    """The parts' names. Raises as `opened`, but for what only unpacking shows."""
    with _directory(path) as file:
        return frozenset(file.namelist())


def glance(path: Path, *, public_document_types: bool = False) -> None:
    """Raises as `opened`, for what the first bytes of each part show: quick, and little is unpacked."""
    with _directory(path) as file:
        for part in file.infolist():
            with file.open(part) as data:
                _prolog_of(part, public_document_types).feed(data.read(_GLANCE))


@contextmanager
def opened(path: Path, *, public_document_types: bool = False) -> Iterator[ZipFile]:
    """The archive, each part unpacked once and found to be what the directory says.

    Raises DecompressionBomb, EncryptedFile, TruncatedFile, UnreadableFile, and UnsafeMarkup when a part declares a
    document type; a page of HTML, or any part with `public_document_types`, only when it has declarations of its own.
    """
    with _directory(path) as file:
        for part in file.infolist():
            _check(file, part, public_document_types)
        yield file


@contextmanager
def _directory(path: Path) -> Iterator[ZipFile]:
    _check_end(path)
    try:
        with ZipFile(path) as file:
            _check_directory(file.infolist())
            yield file
    except (
        BadZipFile,
        LargeZipFile,
        NotImplementedError,
        EOFError,
        UnicodeDecodeError,
        zlib.error,
        struct.error,
    ) as error:
        raise UnreadableFile from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # a place before the file's beginning
            raise
        raise UnreadableFile from error


def _check_end(path: Path) -> None:
    """The directory is read whole into memory, so its own size comes first."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _END.size - _LONGEST_COMMENT - _ZIP64_LOCATOR_BYTES))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END.size > len(tail):
        raise TruncatedFile
    _, _, _, _, parts, size, _, _ = _END.unpack_from(tail, at)
    if tail[max(0, at - _ZIP64_LOCATOR_BYTES) :].startswith(_ZIP64_LOCATOR):
        raise DecompressionBomb("The file is an archive for more than 4 GB or 65,535 parts.")
    if parts > MOST_PARTS or size > _DIRECTORY_BYTES:
        raise DecompressionBomb(f"The file has {parts:,} parts; {MOST_PARTS:,} are allowed.")


def _check_directory(parts: list[ZipInfo]) -> None:
    if len(parts) > MOST_PARTS:
        raise DecompressionBomb(f"The file has more than {MOST_PARTS:,} parts.")
    if sum(part.file_size for part in parts) > MOST_BYTES:
        raise DecompressionBomb(f"Unpacked, the file has more than {MOST_BYTES:,} bytes.")
    for part in parts:
        if part.file_size > _SMALL and part.file_size > MOST_RATIO * part.compress_size:
            raise DecompressionBomb(f"A part of the file is packed more than {MOST_RATIO} times.")
        if part.flag_bits & _ENCRYPTED:
            raise EncryptedFile
        if part.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise UnreadableFile("A part of the file is packed in a way that documents are not.")
    if len({part.filename for part in parts}) < len(parts):
        raise UnreadableFile("Two parts of the file have the same name.")


def _check(file: ZipFile, part: ZipInfo, public_document_types: bool) -> None:
    """Unpacks no more than the directory says, a megabyte at a time; a part that has more has another checksum."""
    prolog = _prolog_of(part, public_document_types)
    with file.open(part) as data:
        while block := data.read(_BLOCK):
            prolog.feed(block)


def _prolog_of(part: ZipInfo, public_document_types: bool) -> _Prolog:
    return _Prolog(public_document_types or part.filename.lower().endswith(_PAGES))


class _Prolog:
    """Reads what comes before an XML document's root. Takes nothing from what is no XML."""

    def __init__(self, public_document_types: bool) -> None:
        self._public = public_document_types
        self._done = False
        self._parser = expat.ParserCreate()
        self._parser.StartDoctypeDeclHandler = self._document_type
        self._parser.StartElementHandler = self._root

    def feed(self, block: bytes) -> None:
        if self._done:
            return
        try:
            self._parser.Parse(block, False)
        except _RootReached:
            self._done = True
        except expat.ExpatError as error:
            if error.code == expat.errors.codes[expat.errors.XML_ERROR_UNKNOWN_ENCODING]:
                raise UnsafeMarkup("A part of the file is in an encoding that documents are not in.") from error
            self._done = True

    def _document_type(self, _name: str, _system: str | None, _public: str | None, own: int) -> None:
        if own or not self._public:
            raise UnsafeMarkup

    def _root(self, _name: str, _attributes: object) -> None:
        raise _RootReached
