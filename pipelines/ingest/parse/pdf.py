"""PDF by PyMuPDF's layout analysis: a small neural network finds regions and their kinds, and pymupdf4llm their order
and the grids of tables. No OCR.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from pipelines.domain.documents import Block, BlockKind, Box, Page, ParsedDocument
from pipelines.domain.errors import EncryptedFile, TruncatedFile, UnreadableFile
from pipelines.ingest.parse.files import PageRange
from pipelines.ingest.parse.mupdf import parse_document, pymupdf
from pipelines.ingest.parse.reading_order import in_reading_order
from pipelines.ingest.parse.running import RunningText
from pipelines.ingest.parse.words import clean, join, markdown_table

_TAIL = 2048
_KINDS = {
    "title": BlockKind.HEADING,
    "section-header": BlockKind.HEADING,
    "list-item": BlockKind.LIST,
    "picture": BlockKind.FIGURE,
    "caption": BlockKind.FIGURE,
    "code": BlockKind.CODE,
}
_RUNNING = ("page-header", "page-footer")
_RUNNING_LINES = 3  # a longer "header" is text that the network took for one
_LONGEST_HEADING = 300
_SPACE = 0.15  # of the font's size: the narrowest gap between words
_BOLD, _ITALIC = 16, 2  # PyMuPDF's span flags


def page_count(path: Path) -> int:
    with _opened(path) as document:
        return int(document.page_count)


def parse(path: Path, pages: PageRange) -> ParsedDocument:
    with _opened(path) as document:
        running = RunningText(document)
        found = [
            _page(document, number, running) for number in range(pages.first, min(pages.last, document.page_count) + 1)
        ]
        title = clean(str((document.metadata or {}).get("title") or "")) or None
    return ParsedDocument(
        pages=tuple(page for page, _ in found),
        blocks=tuple(block for _, blocks in found for block in blocks),
        title=title,
    )


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A document that can be read: not locked, not cut short, with pages."""
    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)
    cut = not _ends_well(path)
    try:
        document = pymupdf.open(path, filetype="pdf")
    except Exception as error:  # MuPDF's errors have no common ancestor but Exception
        raise (TruncatedFile() if cut else UnreadableFile()) from error
    with document:
        if document.needs_pass:
            raise EncryptedFile
        if cut and document.is_repaired:
            raise TruncatedFile
        if _pages(document) == 0:
            raise UnreadableFile("The file has no pages.")
        yield document


def _pages(document: Any) -> int:
    try:
        return int(document.page_count)
    except Exception as error:  # as above: the tree of pages is damaged
        raise UnreadableFile from error


def _ends_well(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        return b"%%EOF" in file.read()


def _page(document: Any, number: int, running: RunningText) -> tuple[Page, list[Block]]:
    try:
        return _analysed(document, number, running)
    except MemoryError:
        raise
    except Exception:  # a page that the analysis cannot stand is read plainly, rather than losing the document
        return _plain(document, number)


def _analysed(document: Any, number: int, running: RunningText) -> tuple[Page, list[Block]]:
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):  # it prints warnings
        (layout,) = parse_document(document, pages=[number - 1], use_ocr=False, force_text=True).pages
    page = Page(number, layout.width, layout.height)
    found = [(block, region) for region in layout.boxes if (block := _block(region, number)) is not None]
    blocks = [block for block, region in found if not (_claims_to_run(region) and running.holds(block))]
    blocks += _overlooked(layout, number, [region for _, region in found])
    # A page of nothing but running text is kept whole: it may be all that the page says.
    return page, in_reading_order(blocks or [block for block, _ in found], lambda block: block.box)


def _claims_to_run(region: Any) -> bool:
    return region.boxclass in _RUNNING and len(region.textlines or ()) <= _RUNNING_LINES


def _block(region: Any, page: int) -> Block | None:
    box = Box(*(round(float(edge), 2) for edge in (region.x0, region.y0, region.x1, region.y1)))
    if region.boxclass == "table" and region.table and (cells := _cells(region.table["extract"])):
        return Block(BlockKind.TABLE, markdown_table(cells), page, box, cells=cells)
    lines = region.textlines or []
    text = join([_line_text(line["spans"]) for line in lines])
    if not text:
        return None
    kind = _KINDS.get(region.boxclass, BlockKind.PARAGRAPH)
    if kind is BlockKind.HEADING and len(text) > _LONGEST_HEADING:
        kind = BlockKind.PARAGRAPH
    level = _prominence(lines, text) if kind is BlockKind.HEADING else None
    return Block(kind, text, page, box, level=level)


def _line_text(spans: Sequence[Any]) -> str:
    """The line's words. Where a file draws no spaces, or pymupdf4llm dropped them, a gap stands for one."""
    text, edge = "", float("inf")
    for span in spans:
        gap = float(span["bbox"][0]) - edge
        text += (" " if gap > _SPACE * float(span["size"]) else "") + span["text"]
        edge = float(span["bbox"][2])
    return text


def _cells(grid: Sequence[Sequence[str | None]]) -> tuple[tuple[str, ...], ...]:
    """Rows of equal width, without those that hold nothing."""
    rows = [tuple(clean(cell or "") for cell in row) for row in grid]
    width = max(map(len, rows), default=0)
    return tuple(row + ("",) * (width - len(row)) for row in rows if any(row))


def _prominence(lines: Sequence[Any], text: str) -> int:
    """A heading's size in half points first, then its weight: bold over bold italic over italic, capitals over both."""
    span = max((span for line in lines for span in line["spans"]), key=lambda span: len(span["text"]))
    font = str(span.get("font", "")).lower()
    flags = int(span.get("flags", 0))
    bold = bool(flags & _BOLD) or "bold" in font
    italic = bool(flags & _ITALIC) or "italic" in font
    return (
        round(float(span["size"]) * 2) * 8 + 4 * text.isupper() + (2 if bold else 0) + (1 if bold and not italic else 0)
    )


def _overlooked(layout: Any, page: int, read: Sequence[Any]) -> list[Block]:
    """Text outside every region that was read, so that nothing on the page is lost."""
    regions = [pymupdf.Rect(each.x0 - 2, each.y0 - 2, each.x1 + 2, each.y1 + 2) for each in read]
    found = []
    for block in layout.fulltext:
        lines = [line for line in block["lines"] if not any(_middle(line["bbox"]) in region for region in regions)]
        text = join([_line_text(line["spans"]) for line in lines])
        if text:
            area = pymupdf.Rect()
            for line in lines:
                area |= pymupdf.Rect(line["bbox"])
            found.append(Block(BlockKind.PARAGRAPH, text, page, Box(*(round(edge, 2) for edge in area))))
    return found


def _middle(box: Sequence[float]) -> Any:
    return pymupdf.Point((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)


def _plain(document: Any, number: int) -> tuple[Page, list[Block]]:
    """Paragraphs by their place on the page. Raises UnreadableFile."""
    try:
        page = document[number - 1]
        found = page.get_text("blocks", sort=True)
        width, height = float(page.rect.width), float(page.rect.height)
    except Exception as error:
        raise UnreadableFile(f"Page {number} cannot be read.") from error
    blocks = []
    for x0, y0, x1, y1, text, _, kind in found:
        if kind == 0 and (words := join(text.splitlines())):
            box = Box(round(x0, 2), round(y0, 2), round(x1, 2), round(y1, 2))
            blocks.append(Block(BlockKind.PARAGRAPH, words, number, box))
    return Page(number, width, height), blocks
