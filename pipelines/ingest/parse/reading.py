"""One entry for every type of file. Runs in worker processes: PyMuPDF is imported there only."""

from __future__ import annotations

from pathlib import Path

from pipelines.domain.documents import ParsedDocument
from pipelines.domain.errors import UnsupportedType
from pipelines.ingest.parse.files import MARKDOWN, PDF, TEXT, PageRange

PARSER = "layout-2"
"""Names the method; a new name makes documents be parsed anew."""


def probe(path: Path, media_type: str) -> int:
    """Number of pages. Raises EncryptedFile, TruncatedFile, UnreadableFile, UnsupportedType."""
    if media_type == PDF:
        from pipelines.ingest.parse import pdf

        return pdf.page_count(path)
    if media_type in (MARKDOWN, TEXT):
        from pipelines.ingest.parse import text

        return text.page_count(path)
    raise UnsupportedType(f"Files of type {media_type} cannot be read.")


def parse_range(path: Path, media_type: str, pages: PageRange) -> ParsedDocument:
    """The blocks of some pages, in reading order; the same whatever other pages are asked for. Raises as `probe`.

    A heading's `level` is not yet a level but its prominence (more is higher); `normalise` ranks the whole document's.
    """
    if media_type == PDF:
        from pipelines.ingest.parse import pdf

        return pdf.parse(path, pages)
    if media_type in (MARKDOWN, TEXT):
        from pipelines.ingest.parse import text

        return text.parse(path, pages, markdown=media_type == MARKDOWN)
    raise UnsupportedType(f"Files of type {media_type} cannot be read.")
