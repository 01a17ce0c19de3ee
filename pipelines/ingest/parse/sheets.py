"""Sheets of cells, from a workbook or a file of separated values, as blocks.

A page is as wide as the sheet has columns and as high as it has rows; a box is [first column, first row, column after the
last, row after the last], from 0. Over each table stands its place as a heading: `A5:D29`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pipelines.domain.documents import Block, BlockKind, Box
from pipelines.domain.errors import LimitExceeded
from pipelines.ingest.parse.flow import DOCUMENT_TITLE
from pipelines.ingest.parse.words import clean, markdown_table

SHEET_LEVEL, PLACE_LEVEL = DOCUMENT_TITLE - 1, DOCUMENT_TITLE - 2  # as prominence: the sheet's name, the range of cells
MOST_CELLS = 5_000_000  # of a sheet: the rectangle around its first and last cell
_TABLE_CHARACTERS = 700  # of the rows of one block, its header aside: about a chunk, so that a citation names few rows
_TABLE_ROWS = 50


class Area(NamedTuple):
    """Cells without an empty row between them; `top` and `left` count from 0."""

    top: int
    left: int
    rows: Sequence[Sequence[str]]


def blocks_of(rows: Sequence[Sequence[str]], page: int, top: int = 0, left: int = 0) -> Iterator[Block]:
    """Each run of rows between empty ones: its title lines as paragraphs, the rest as a table, in blocks of some rows
    that repeat the header. `top` and `left`: where the first cell stands on the sheet.
    """
    for area in _areas(rows, top, left):
        lines = _title_lines(area.rows)
        for number in range(lines):
            yield _paragraph(area, number, page)
        if lines == len(area.rows):
            continue
        rest = _trimmed(Area(area.top + lines, area.left, area.rows[lines:]))
        if len(rest.rows) == 1:
            yield _paragraph(rest, 0, page)
        else:
            yield from _table(rest, page)


def _areas(rows: Sequence[Sequence[str]], top: int, left: int) -> Iterator[Area]:
    first = 0
    for number in range(len(rows) + 1):
        if number == len(rows) or not any(rows[number]):
            if first < number:
                yield _trimmed(Area(top + first, left, rows[first:number]))
            first = number + 1


def _trimmed(area: Area) -> Area:
    """Without empty columns at its sides."""
    used = {column for row in area.rows for column, text in enumerate(row) if text}
    first, last = min(used), max(used)
    return Area(area.top, area.left + first, [row[first : last + 1] for row in area.rows])


def _title_lines(rows: Sequence[Sequence[str]]) -> int:
    """How many rows at the top have one cell only; all of them in an area of one column."""
    return next((number for number, row in enumerate(rows) if sum(map(bool, row)) > 1), len(rows))


def _paragraph(area: Area, number: int, page: int) -> Block:
    row = area.rows[number]
    columns = [column for column, text in enumerate(row) if text]
    text = " ".join(row[column] for column in columns)
    place = (area.left + columns[0], area.top + number, area.left + columns[-1] + 1, area.top + number + 1)
    return Block(BlockKind.PARAGRAPH, text, page, Box(*map(float, place)))


def _table(area: Area, page: int) -> Iterator[Block]:
    width = max(map(len, area.rows))
    if width * len(area.rows) > MOST_CELLS:
        raise LimitExceeded(f"A table has more than {MOST_CELLS:,} cells.")
    header, *rest = [(*row, *[""] * (width - len(row))) for row in area.rows]
    most = max(_TABLE_CHARACTERS, 2 * sum(map(len, header)))
    start = 0
    while start < len(rest):
        end, characters = start, 0
        while end < len(rest) and (end == start or (end - start < _TABLE_ROWS and characters < most)):
            characters += sum(map(len, rest[end]))
            end += 1
        first = area.top if start == 0 else area.top + 1 + start  # the first block holds the header itself
        box = Box(float(area.left), float(first), float(area.left + width), float(area.top + 1 + end))
        cells = (header, *rest[start:end])
        yield Block(BlockKind.HEADING, place_name(box), page, box, level=PLACE_LEVEL)
        yield Block(BlockKind.TABLE, markdown_table(cells), page, box, cells=cells)
        start = end


def place_name(box: Box) -> str:
    """As spreadsheets write it: `B2:D10`."""
    return f"{_column(int(box.x0))}{int(box.y0) + 1}:{_column(int(box.x1) - 1)}{int(box.y1)}"


def _column(number: int) -> str:
    letters = ""
    number += 1
    while number:
        number, letter = divmod(number - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters


def cleaned(row: Sequence[str]) -> list[str]:
    return [clean(text) for text in row]
