"""Cells that span several columns or rows, in a grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pipelines.domain.errors import LimitExceeded

MOST_CELLS = 2_000_000
_WIDEST = 1_000  # columns that a cell may span (HTML Standard, 4.9.11)


class Span(NamedTuple):
    """A cell's text, and how many columns and rows it is wide and high."""

    text: str
    columns: int = 1
    rows: int = 1


def spread(rows: Sequence[Sequence[Span]]) -> list[list[str]]:
    """The table's grid (HTML Standard, 4.9.12). A spanning cell's text stands in each place it covers, so that a row
    says all that it shows; one that spans the whole row, such as a heading between rows, stands there once.

    LimitExceeded for a grid of more than MOST_CELLS.
    """
    grid: list[dict[int, str]] = [{} for _ in rows]
    whole: list[tuple[int, int, int]] = []  # (row, first column, columns) of cells that may span the whole row
    cells = 0
    for number, row in enumerate(rows):
        column = 0
        for span in row:
            while column in grid[number]:
                column += 1
            wide = min(max(span.columns, 1), _WIDEST)
            high = min(max(span.rows, 1), len(rows) - number)
            cells += wide * high
            if cells > MOST_CELLS:
                raise LimitExceeded(f"A table has more than {MOST_CELLS:,} cells.")
            if len(row) == 1 and wide > 1:
                whole.append((number, column, wide))
            for below in range(high):
                grid[number + below].update(dict.fromkeys(range(column, column + wide), span.text))
            column += wide
    width = max((max(line, default=-1) + 1 for line in grid), default=0)
    if width * len(rows) > MOST_CELLS:
        raise LimitExceeded(f"A table has more than {MOST_CELLS:,} cells.")
    for number, column, wide in whole:
        if column == 0 and wide >= width:
            grid[number].update(dict.fromkeys(range(1, wide), ""))
    return [[line.get(column, "") for column in range(width)] for line in grid]
