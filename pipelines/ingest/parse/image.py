"""Pictures of pages: PNG, JPEG, and TIFF with as many pages as it has. Read by OCR alone."""

from __future__ import annotations

import warnings
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from pipelines.domain.documents import ParsedDocument
from pipelines.domain.errors import DecompressionBomb, UnreadableFile
from pipelines.ingest.parse.files import PageRange
from pipelines.ingest.parse.ocr import Ocr

MOST_PIXELS = 80_000_000  # of a picture: A1 at 300 dpi
_FORMATS = ("PNG", "JPEG", "TIFF")
_ENOUGH_PIXELS = 3_300  # along the longer side, as Letter has at 300 dpi: fewer are enlarged
_MOST_ENLARGED = 3


def page_count(path: Path) -> int:
    return len(_sizes(path))


def parse(path: Path, pages: PageRange, ocr: Ocr) -> ParsedDocument:
    from pipelines.ingest.parse import pdf
    from pipelines.ingest.parse.mupdf import pymupdf
    from pipelines.ingest.parse.scans import dpi_of

    sizes = _sizes(path)
    read = []
    with pymupdf.open(stream=path.read_bytes(), filetype=_kind(path)) as document:
        for number in range(pages.first, min(pages.last, len(sizes), document.page_count) + 1):
            page = document[number - 1]
            longest = max(sizes[number - 1])
            own = 72 * longest / max(page.rect.width, page.rect.height)
            enlarged = own * min(max(_ENOUGH_PIXELS / longest, 1), _MOST_ENLARGED)
            read.append(pdf.scanned_page(page, number, ocr, dpi_of(page, enlarged)))
    return ParsedDocument(
        pages=tuple(page for page, _ in read),
        blocks=tuple(block for _, blocks in read for block in blocks),
    )


def _sizes(path: Path) -> list[tuple[int, int]]:
    """Width and height of each page in pixels, from the headers: nothing is unpacked. Raises DecompressionBomb."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's own, smaller limit
        try:
            with Image.open(path, formats=_FORMATS) as image:
                sizes = []
                for frame in range(getattr(image, "n_frames", 1) if image.format == "TIFF" else 1):
                    image.seek(frame)
                    sizes.append(image.size)
        except Image.DecompressionBombError as error:
            raise DecompressionBomb(f"A picture may have {MOST_PIXELS:,} pixels at most.") from error
        except (UnidentifiedImageError, OSError, SyntaxError, EOFError) as error:
            raise UnreadableFile("The picture is damaged and cannot be read.") from error
    if any(width * height > MOST_PIXELS for width, height in sizes):
        raise DecompressionBomb(f"A picture may have {MOST_PIXELS:,} pixels at most.")
    return sizes


def _kind(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(4)
    return "png" if head == b"\x89PNG" else "jpeg" if head.startswith(b"\xff\xd8") else "tiff"
