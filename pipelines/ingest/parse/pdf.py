"""PDF. Pages whose geometry leaves no doubt are read by it (quick.py). The others go through PyMuPDF's layout analysis: a small
neural network finds regions and their kinds. A page that is a picture is recognised first, where there is OCR.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipelines.domain.documents import Block, BlockKind, Box, Page, ParsedDocument
from pipelines.domain.errors import EncryptedFile, TruncatedFile, UnreadableFile
from pipelines.ingest.parse import quick
from pipelines.ingest.parse.files import PageRange
from pipelines.ingest.parse.lines import Line, lines_of
from pipelines.ingest.parse.mupdf import parse_document, pymupdf
from pipelines.ingest.parse.ocr import Ocr
from pipelines.ingest.parse.page_text import Rules, Word, page_text
from pipelines.ingest.parse.prominence import prominence
from pipelines.ingest.parse.prose import code, paragraphs, usual
from pipelines.ingest.parse.reading_order import in_reading_order
from pipelines.ingest.parse.running import RunningText
from pipelines.ingest.parse.scans import dpi_of, is_legible, is_scan, recognised
from pipelines.ingest.parse.table_grid import Cells, grid
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
_MARGIN = 0.12  # of a page's height, at its top and at its bottom
_MOST_LINES = 0.7
_LARGE = 1.3  # times the size of most letters: a chapter's heading
_LONGEST_RUNNING = 250  # characters


def page_count(path: Path) -> int:
    with _opened(path) as document:
        return int(document.page_count)


def parse(path: Path, pages: PageRange, ocr: Ocr | None = None) -> ParsedDocument:
    with _opened(path) as document:
        running = RunningText(document)
        found = [
            _page(document, number, running, ocr)
            for number in range(pages.first, min(pages.last, document.page_count) + 1)
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
    pymupdf.TOOLS.store_shrink(100)  # per cent: pictures and fonts that MuPDF keeps for the next document


def _pages(document: Any) -> int:
    try:
        return int(document.page_count)
    except Exception as error:  # as above: the tree of pages is damaged
        raise UnreadableFile from error


def _ends_well(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        return b"%%EOF" in file.read()


def scanned_page(page: Any, number: int, ocr: Ocr, dpi: float) -> tuple[Page, list[Block]]:
    """A page of any document that is a picture. Sizes of letters are guesses there, so its headings have one level."""
    with recognised(page, ocr, dpi) as scan:
        sheet, blocks = _page(scan, 1, RunningText(scan))
    return replace(sheet, number=number), [
        replace(block, page=number, level=block.level and 1) for block in blocks if is_legible(block.text)
    ]


def _page(document: Any, number: int, running: RunningText, ocr: Ocr | None = None) -> tuple[Page, list[Block]]:
    try:
        if ocr is not None and is_scan(page := document[number - 1]):
            return scanned_page(page, number, ocr, dpi_of(page))
        return _analysed(document, number, running)
    except MemoryError:
        raise
    except Exception:  # a page that the analysis cannot stand is read plainly, rather than losing the document
        return _plain(document, number)


def _analysed(document: Any, number: int, running: RunningText) -> tuple[Page, list[Block]]:
    """By geometry, and by the network what that leaves in doubt."""
    page = document[number - 1]
    page.remove_rotation()  # as the layout analysis does
    text = page_text(page)
    sheet = Page(number, text.width, text.height)
    reading = quick.reading(text, number)
    regions = _regions(document, number) if any(part.blocks is None for part in reading.parts) else ()

    def runs(block: Block) -> bool:
        """A heading with the chapter's number alone changed is no header that runs."""
        return running.holds(block, exactly=_is_large(block, text.words))

    whole: list[Block] = []
    kept: list[Block] = []
    for part, rest in _with_others(reading.parts):
        if part.blocks is not None:
            whole += part.blocks
            kept += [each for each in part.blocks if not (_may_run(each, text.height) and runs(each))]
            continue
        found = list(_by_network(part.words, rest, regions, text.rules, number))
        whole += in_reading_order([block for block, _ in found], lambda block: block.box)
        said = [block for block, claims_to_run in found if not (claims_to_run and runs(block))]
        kept += in_reading_order(said, lambda block: block.box)
    # A page of nothing but running text is kept whole: it may be all that the page says.
    return sheet, quick.placed(kept or whole, reading.figures)


def _may_run(block: Block, height: float) -> bool:
    in_margin = block.box.y1 <= _MARGIN * height or block.box.y0 >= (1 - _MARGIN) * height
    return in_margin and len(block.text) <= _LONGEST_RUNNING


def _is_large(block: Block, words: Sequence[Word]) -> bool:
    """Whether its letters are larger than those of most of the page."""
    own = [word for word in words if _holds(block.box, (word.x0 + word.x1) / 2, (word.y0 + word.y1) / 2)]
    return bool(own) and usual(own)[0] >= _LARGE * usual(words)[0]


def _with_others(parts: Sequence[quick.Part]) -> Iterator[tuple[quick.Part, list[Word]]]:
    """Each part, and the words of all others."""
    for part in parts:
        yield part, [word for other in parts if other is not part for word in other.words]


def _regions(document: Any, number: int) -> list[tuple[Any, Box]]:
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):  # it prints warnings
        (layout,) = parse_document(document, pages=[number - 1], use_ocr=False, force_text=True).pages
    return [
        (each, Box(*(round(float(edge), 2) for edge in (each.x0, each.y0, each.x1, each.y1)))) for each in layout.boxes
    ]


def _by_network(
    words: Sequence[Word], others: Sequence[Word], regions: Sequence[tuple[Any, Box]], rules: Rules, number: int
) -> Iterator[tuple[Block, bool]]:
    """The blocks of a part of a page, each with whether it claims to run, as headers and footers do. A region that the
    network laid over several parts, as over two tables side by side, is read without it."""
    boxes = [box for _, box in regions]
    inside, overlooked = _by_region(words, boxes)
    outside, _ = _by_region(others, boxes)
    for (region, box), own, foreign in zip(regions, inside, outside, strict=True):
        if region.boxclass == "table" and not all(word.style.monospaced for word in own):
            overlooked += [word for word in own if word.style.monospaced]  # code that stands close to a table
            own = [word for word in own if not word.style.monospaced]
        if not own:
            continue
        if foreign:
            for block in quick.column(own, rules, number) or paragraphs(own, number):
                yield block, False
        elif (one := _block(region, box, own, rules, number)) is not None:
            yield one, _claims_to_run(region)
    for block in paragraphs(overlooked, number):  # so that nothing on the page is lost
        yield block, False


def _by_region(words: Sequence[Word], regions: Sequence[Box]) -> tuple[list[list[Word]], list[Word]]:
    """The words of each region, a word in the smallest that holds it; and those that none holds."""
    found: list[list[Word]] = [[] for _ in regions]
    rest: list[Word] = []
    order = sorted(
        range(len(regions)), key=lambda at: (regions[at].x1 - regions[at].x0) * (regions[at].y1 - regions[at].y0)
    )
    for word in words:
        x, y = (word.x0 + word.x1) / 2, (word.y0 + word.y1) / 2
        at = next((at for at in order if _holds(regions[at], x, y)), None)
        (rest if at is None else found[at]).append(word)
    return found, rest


def _claims_to_run(region: Any) -> bool:
    return region.boxclass in _RUNNING and len(region.textlines or ()) <= _RUNNING_LINES


def _holds(box: Box, x: float, y: float) -> bool:
    return box.x0 - 2 <= x <= box.x1 + 2 and box.y0 - 2 <= y <= box.y1 + 2


def _block(region: Any, box: Box, words: Sequence[Word], rules: Rules, page: int) -> Block | None:
    if region.boxclass == "table" and (cells := _grid(region, words, rules)):
        return Block(BlockKind.TABLE, markdown_table(cells), page, box, cells=cells)
    lines = lines_of(words)
    text = join([line.text for line in lines])
    if not text:
        return None
    kind = _KINDS.get(region.boxclass, BlockKind.PARAGRAPH)
    if kind is BlockKind.PARAGRAPH and _is_form(lines) and (cells := grid(lines, rules)):
        return Block(BlockKind.TABLE, markdown_table(cells), page, box, cells=cells)
    monospaced = len(lines) > 1 and all(word.style.monospaced for word in words)
    if kind is BlockKind.CODE or (monospaced and kind is not BlockKind.FIGURE):
        return Block(BlockKind.CODE, code(lines), page, box)
    if kind is not BlockKind.HEADING or len(text) > _LONGEST_HEADING:
        return Block(BlockKind.PARAGRAPH if kind is BlockKind.HEADING else kind, text, page, box)
    style = max((word for word in words), key=lambda word: len(word.text)).style
    return Block(kind, text, page, box, level=prominence(style, text))


def _is_form(lines: Sequence[Line]) -> bool:
    """Whether most lines have a name and, after a gap, what it is."""
    return len(lines) >= 3 and sum(len(line.fragments) == 2 for line in lines) >= _MOST_LINES * len(lines)


def _grid(region: Any, words: Sequence[Word], rules: Rules) -> Cells:
    """By the words' own places; where they make no grid, as the network sees it. () when it is no table for either."""
    if cells := grid(lines_of(words, rules), rules):
        return cells
    seen = _cells(region.table["extract"]) if region.table else ()
    return seen if seen and len(seen[0]) > 1 else ()


def _cells(found: Sequence[Sequence[str | None]]) -> Cells:
    """Rows of equal width, without those that hold nothing."""
    rows = [tuple(clean(cell or "") for cell in row) for row in found]
    width = max(map(len, rows), default=0)
    return tuple(row + ("",) * (width - len(row)) for row in rows if any(row))


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
