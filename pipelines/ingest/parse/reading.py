"""One entry for every type of file. Runs in worker processes: what reads a type is imported there only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from pipelines.domain.documents import ParsedDocument
from pipelines.domain.errors import CairnError, OcrUnavailable, UnreadableFile, UnsupportedType
from pipelines.ingest.parse import media_types
from pipelines.ingest.parse.files import PageRange
from pipelines.ingest.parse.ocr import Ocr

_NO_MEMORY = re.compile(r"out of memory|memory allocation failed|[mc]alloc .*failed", re.IGNORECASE)

_PARSER = "layout-6"

_PICTURED = (media_types.PDF, *media_types.IMAGES)
"""What may need OCR."""


def parser_name(ocr: Ocr | None) -> str:
    """Names the method; a new name makes documents be parsed anew."""
    return f"{_PARSER}-ocr-{ocr.languages}" if ocr else _PARSER


class Reader(Protocol):
    """A module that reads a type of file. The same blocks of a page whatever other pages are asked for."""

    def page_count(self, path: Path, /) -> int: ...
    def parse(self, path: Path, pages: PageRange, /) -> ParsedDocument: ...


class PictureReader(Protocol):
    """One whose pages may be pictures."""

    def parse(self, path: Path, pages: PageRange, ocr: Ocr | None, /) -> ParsedDocument: ...


_READERS: Mapping[str, str] = {
    media_types.PDF: "pdf",
    media_types.MARKDOWN: "markdown",
    media_types.TEXT: "text",
    media_types.HTML: "html",
    media_types.CSV: "separated",
    media_types.TSV: "separated",
    media_types.DOCX: "docx",
    media_types.XLSX: "xlsx",
    media_types.PPTX: "pptx",
    media_types.EPUB: "epub",
    media_types.EML: "mail",
    **dict.fromkeys(media_types.IMAGES, "image"),
}


def probe(path: Path, media_type: str, ocr: Ocr | None = None) -> int:
    """Number of pages. Raises UnreadableFile and its kinds, UnsupportedType; OcrUnavailable for pictures without `ocr`."""
    reader = _reader(media_type, ocr)
    with _failing_by_name():
        return reader.page_count(path)


def parse_range(path: Path, media_type: str, pages: PageRange, ocr: Ocr | None = None) -> ParsedDocument:
    """The blocks of some pages, in reading order; the same whatever other pages are asked for. Raises as `probe`.

    A heading's `level` is not yet a level but its prominence (more is higher); `normalise` ranks the whole document's.
    """
    reader = _reader(media_type, ocr)
    with _failing_by_name():
        if media_type in _PICTURED:
            return cast("PictureReader", reader).parse(path, pages, ocr)
        return reader.parse(path, pages)


def _reader(media_type: str, ocr: Ocr | None) -> Reader:
    if media_type in media_types.IMAGES and ocr is None:
        raise OcrUnavailable
    if media_type not in _READERS:
        raise UnsupportedType(f"Files of type {media_type} cannot be read.")
    return cast("Reader", import_module(f"{__package__}.{_READERS[media_type]}"))


@contextmanager
def _failing_by_name() -> Iterator[None]:
    """A file that a library cannot stand is the file's fault, whatever the library says."""
    try:
        yield
    except (CairnError, MemoryError, FileNotFoundError):
        raise
    except Exception as error:  # the libraries' errors have no common ancestor but Exception
        if _NO_MEMORY.search(str(error)):  # of expat, libxml2, MuPDF
            raise MemoryError from error
        raise UnreadableFile from error
