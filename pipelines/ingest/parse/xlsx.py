"""Workbooks (.xlsx), through calamine. A page is a sheet that people see, in the workbook's order.

Formulas are not computed: what the program that saved the file computed is read. A cell shown as percent reads so, and an
amount of money with its sign.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from zipfile import ZipFile

import python_calamine
from python_calamine import CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from pipelines.domain.documents import Block, BlockKind, Box, Page, ParsedDocument
from pipelines.domain.errors import LimitExceeded, UnreadableFile
from pipelines.ingest.parse import archive
from pipelines.ingest.parse.drawings import TextBox
from pipelines.ingest.parse.files import PageRange
from pipelines.ingest.parse.office import core_title
from pipelines.ingest.parse.sheets import MOST_CELLS, SHEET_LEVEL, blocks_of
from pipelines.ingest.parse.words import clean
from pipelines.ingest.parse.workbook import Place, Survey, Workbook

Value = object


def page_count(path: Path) -> int:
    with archive.opened(path) as file:
        return len(_shown(_opened(path, file)))


def parse(path: Path, pages: PageRange) -> ParsedDocument:
    found: list[tuple[Page, list[Block]]] = []
    with archive.opened(path) as file:
        book, survey = _opened(path, file), Workbook(file)
        names = _shown(book)
        for number in range(pages.first, min(pages.last, len(names)) + 1):
            name = names[number - 1]
            seen = survey.of(name)
            if seen.cells > MOST_CELLS:
                raise LimitExceeded(f"Sheet {number} spans {seen.cells:,} cells; {MOST_CELLS:,} are allowed.")
            sheet = book.get_sheet_by_name(name)
            if seen.cells and sheet.start is None:
                raise UnreadableFile(f"The cells of sheet {number} are written in a way that cannot be read here.")
            found.append(_sheet(sheet, number, seen, survey.text_boxes(name)))
        title = core_title(file)
    return ParsedDocument(
        pages=tuple(page for page, _ in found),
        blocks=tuple(block for _, blocks in found for block in blocks),
        title=title,
        paper=False,
    )


def _opened(path: Path, file: ZipFile) -> CalamineWorkbook:
    if any(name.startswith("xl/macrosheets/") for name in file.namelist()):
        raise UnreadableFile("The workbook has sheets of macros, which are not read. Save it without macros.")
    return python_calamine.load_workbook(path)


def _shown(book: CalamineWorkbook) -> list[str]:
    names = [
        sheet.name
        for sheet in book.sheets_metadata
        if sheet.visible is SheetVisibleEnum.Visible and sheet.typ is SheetTypeEnum.WorkSheet
    ]
    if not names:
        raise UnreadableFile("The workbook shows no sheet.")
    return names


def _sheet(sheet: CalamineSheet, number: int, survey: Survey, boxes: Iterable[TextBox]) -> tuple[Page, list[Block]]:
    """Cells, and then what lies on them."""
    top, left = sheet.start or (0, 0)
    rows = [
        [_text(value, survey.signs.get((top + row, left + column))) for column, value in enumerate(values)]
        for row, values in enumerate(sheet.to_python())
    ]
    _fill_merged(rows, top, left, sheet.merged_cell_ranges or [])
    blocks = list(blocks_of(rows, number, top, left))
    blocks += [
        Block(BlockKind.PARAGRAPH, text, number, Box(column, row, column + 1.0, row + 1.0))
        for row, column, text in boxes
    ]
    width, height = (max((block.box[side] for block in blocks), default=1.0) for side in (2, 3))
    page = Page(number, width, height)
    if blocks:
        name = Block(BlockKind.HEADING, clean(sheet.name), number, blocks[0].box, level=SHEET_LEVEL)
        blocks.insert(0, name)
    return page, blocks


def _text(value: Value, sign: str | None) -> str:
    match value:
        case bool():
            return "TRUE" if value else "FALSE"
        case int() | float():
            return f"{value * 100:.13g}%" if sign == "%" else f"{value:.15g} {sign}" if sign else f"{value:.15g}"
        case datetime():
            return value.isoformat(" ", "minutes" if not value.second else "seconds")
        case timedelta():
            minutes, seconds = divmod(round(value.total_seconds()), 60)
            return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
        case _:
            return clean(str(value))


def _fill_merged(
    rows: list[list[str]], top: int, left: int, ranges: Sequence[tuple[tuple[int, int], tuple[int, int]]]
) -> None:
    """A merged cell's text in each place it covers, so that a row says all that it shows; once only, if it has its rows
    for itself, as a title has.
    """
    filled = 0
    for (first_row, first_column), (last_row, last_column) in ranges:
        places = list(_inside(rows, first_row - top, first_column - left, last_row - top, last_column - left))
        filled += len(places)
        if filled > MOST_CELLS:
            raise LimitExceeded(f"The merged cells of a sheet cover more than {MOST_CELLS:,} cells.")
        if not places or places[0] != (first_row - top, first_column - left):
            continue
        row, column = places[0]
        text = rows[row][column]
        covered = {row for row, _ in places}
        company = any(any(rows[row][: first_column - left] + rows[row][last_column - left + 1 :]) for row in covered)
        if text and company:
            for row, column in places:
                rows[row][column] = text


def _inside(rows: list[list[str]], top: int, left: int, bottom: int, right: int) -> Iterator[Place]:
    for row in range(max(0, top), min(bottom, len(rows) - 1) + 1):
        for column in range(max(0, left), min(right, len(rows[row]) - 1) + 1):
            yield row, column
