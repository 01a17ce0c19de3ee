"""Pages as pictures: with what was read of them drawn on, each block's box in its kind's colour and numbered in reading
order; with the places marked that are cited; or a figure alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipelines.domain.documents import Block, BlockKind, Box
from pipelines.domain.errors import PageNotFound, UnsupportedType
from pipelines.ingest.parse import media_types

COLOURS: Mapping[BlockKind, tuple[float, float, float]] = {
    BlockKind.HEADING: (0.80, 0.10, 0.10),
    BlockKind.PARAGRAPH: (0.10, 0.35, 0.80),
    BlockKind.LIST: (0.05, 0.55, 0.35),
    BlockKind.TABLE: (0.75, 0.45, 0.00),
    BlockKind.FIGURE: (0.50, 0.15, 0.65),
    BlockKind.CODE: (0.35, 0.35, 0.35),
}
_MARKER = (1.0, 0.85, 0.1)
_DPI = 110
_LARGEST_PIXELS = 4_000  # of a side: absurd pages are drawn smaller
_LABEL_SIZE = 8


def page_with_boxes(path: Path, media_type: str, number: int, blocks: Sequence[tuple[int, Block]]) -> bytes:
    """A PNG of a page (from 1) with the numbered blocks on it. UnsupportedType for files without paper."""
    with _sheet(path, media_type, number) as sheet:
        for order, block in blocks:
            colour = COLOURS[block.kind]
            sheet.draw_rect(tuple(block.box), color=colour, width=0.8, fill=colour, fill_opacity=0.06)
            sheet.insert_text(
                (block.box.x0 + 1, max(block.box.y0 - 1, _LABEL_SIZE)),
                str(order),
                fontsize=_LABEL_SIZE,
                color=colour,
            )
        return _png(sheet)


def page_picture(
    path: Path, media_type: str, number: int, marked: Sequence[Box] = (), area: Box | None = None
) -> bytes:
    """A PNG of a page (from 1) with boxes marked on it, or of an `area` of it, such as a figure. UnsupportedType for files
    without paper, PageNotFound.
    """
    with _sheet(path, media_type, number) as sheet:
        for box in marked:
            sheet.draw_rect(tuple(box), color=None, fill=_MARKER, fill_opacity=0.35)
        return _png(sheet, area)


@contextmanager
def _sheet(path: Path, media_type: str, number: int) -> Iterator[Any]:
    """A page of its own that shows the file's, which may be turned, cropped or have its own marks."""
    from pipelines.ingest.parse.mupdf import pymupdf

    if media_type not in (media_types.PDF, *media_types.IMAGES):
        raise UnsupportedType("Only PDFs and pictures have pages that can be drawn.")
    with pymupdf.open(stream=path.read_bytes(), filetype="pdf" if media_type == media_types.PDF else None) as document:
        if not 1 <= number <= document.page_count:
            raise PageNotFound
        page = document[number - 1]
        shown = page.get_pixmap(dpi=_dpi(max(page.rect.width, page.rect.height)))
        with pymupdf.open() as canvas:
            sheet = canvas.new_page(width=page.rect.width, height=page.rect.height)
            sheet.insert_image(sheet.rect, pixmap=shown)
            yield sheet


def _png(sheet: Any, area: Box | None = None) -> bytes:
    clip = None
    if area is not None:
        clip = sheet.rect & tuple(area)
        if clip.is_empty:
            raise PageNotFound("The area is not on the page.")
    dpi = _dpi(max(sheet.rect.width, sheet.rect.height))
    return bytes(sheet.get_pixmap(dpi=dpi, clip=clip).tobytes("png"))


def _dpi(longest_points: float) -> int:
    return max(1, min(_DPI, int(_LARGEST_PIXELS / longest_points * 72)))
