"""The rows and columns of a table, from its words and rules alone.

Columns are parted by white space that runs down through the rows, or by rules. Lines belong to one row when no rule, band of
colour or wider gap parts them and no column has a number in both, since numbers do not wrap.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import inf
from statistics import median

from pipelines.ingest.parse.lines import Fragment, Line
from pipelines.ingest.parse.page_text import NO_RULES, Rules
from pipelines.ingest.parse.words import join

Cells = tuple[tuple[str, ...], ...]
Placed = list[tuple[int, Fragment]]
"""A line's fragments, each with the number of its column."""

_WIDE_ENOUGH = 0.3  # of the table: a rule that parts rows
_FEWEST = 0.85  # of a line's height: what is nearer is raised or lowered, and no line of its own
_WIDER = 1.18  # times the least pitch of lines: the gap to another row
_NUMBER = re.compile(r"[(\[]?[-+–−]?[$€£¥]?\s*[\d][\d,.\s']*\s*%?[)\]]?|[–—-]|n/?a", re.IGNORECASE)
_LEADS = re.compile(r"[$€£¥(]{1,2}|US\$")  # stands in a column of its own before the number it belongs to
SYMBOL = re.compile(r"[$€£¥%()]{1,2}")
_TRAILS = re.compile(r"[%)\]]{1,2}|pts?|bps|x")


def grid(lines: Sequence[Line], rules: Rules = NO_RULES) -> Cells:
    """The cells' texts, row by row, of equal width; () when the lines are no table (under two rows or columns).

    A cell that spans several columns or rows is in its first; the others are empty.
    """
    columns = columns_of(lines, rules)
    if len(lines) < 2 or len(columns) < 2:
        return ()
    placed = [[(_first(fragment, columns), fragment) for fragment in line.fragments] for line in lines]
    borders = _borders(lines, rules)
    rows = _between(placed, borders, rules) if borders else [[placed[at] for at in row] for row in _rows(lines, placed)]
    cells = [
        tuple(
            join([fragment.text for line in row for at, fragment in line if at == column])
            for column in range(len(columns))
        )
        for row in rows
    ]
    return _without_symbols([row for row in cells if any(row)])


def is_number(text: str) -> bool:
    return bool(_NUMBER.fullmatch(text))


def columns_of(lines: Sequence[Line], rules: Rules = NO_RULES) -> list[tuple[float, float]]:
    """The columns' left and right edges: what the gaps leave that run through all full lines."""
    if not lines:
        return []
    fullest = max(len(line.fragments) for line in lines)
    if fullest < 2:
        return []
    start = next(at for at, line in enumerate(lines) if len(line.fragments) >= max(2, 0.6 * fullest))
    full = [line for line in lines[start:] if len(line.fragments) > 1]
    spans = sorted((fragment.box.x0, fragment.box.x1) for line in full for fragment in line.fragments)
    found = [list(spans[0])]
    for x0, x1 in spans[1:]:
        if x0 <= found[-1][1]:
            found[-1][1] = max(found[-1][1], x1)
        else:
            found.append([x0, x1])
    columns = [(x0, x1) for x0, x1 in found]
    top, bottom = lines[0].y0, lines[-1].y1
    walls = sorted(x for x, y0, y1 in rules.vertical if min(y1, bottom) - max(y0, top) > 0.5 * (bottom - top))
    return [part for column in columns for part in _split(column, walls)]


def _split(column: tuple[float, float], walls: Sequence[float]) -> Iterable[tuple[float, float]]:
    edges = [column[0], *(wall for wall in walls if column[0] + 2 < wall < column[1] - 2), column[1]]
    yield from pairwise(edges)


def _first(fragment: Fragment, columns: Sequence[tuple[float, float]]) -> int:
    """The first column that the fragment stands in, or the nearest."""
    for at, (x0, x1) in enumerate(columns):
        if min(fragment.box.x1, x1) - max(fragment.box.x0, x0) > 0:
            return at
    middle = (fragment.box.x0 + fragment.box.x1) / 2
    return min(range(len(columns)), key=lambda at: min(abs(columns[at][0] - middle), abs(columns[at][1] - middle)))


def _borders(lines: Sequence[Line], rules: Rules) -> list[float]:
    """Heights of the rules that part the rows; none when few do."""
    left = min(fragment.box.x0 for line in lines for fragment in line.fragments)
    right = max(fragment.box.x1 for line in lines for fragment in line.fragments)
    top, bottom = lines[0].middle, lines[-1].middle
    found = sorted(
        y
        for y, x0, x1 in rules.horizontal
        if top < y < bottom and min(x1, right) - max(x0, left) > _WIDE_ENOUGH * (right - left)
    )
    parted = sum(any(one.middle < y < two.middle for y in found) for one, two in pairwise(lines))
    return found if parted >= 2 and parted >= (len(lines) - 1) / 4 else []


def _between(placed: Sequence[Placed], borders: Sequence[float], rules: Rules) -> list[list[Placed]]:
    """Rows between borders. What stands over a border that its own cell has not is in the row where its cell begins."""
    rows: list[list[Placed]] = [[] for _ in range(len(borders) + 1)]
    for line in placed:
        parts: dict[int, Placed] = {}
        for column, fragment in line:
            x, y = (fragment.box.x0 + fragment.box.x1) / 2, (fragment.box.y0 + fragment.box.y1) / 2
            above = max((at for at, x0, x1 in rules.horizontal if at < y and x0 - 2 <= x <= x1 + 2), default=-inf)
            parts.setdefault(bisect_right(borders, above + 1), []).append((column, fragment))
        for row, part in parts.items():
            rows[row].append(part)
    return rows


def _rows(lines: Sequence[Line], placed: Sequence[Placed]) -> list[list[int]]:
    """Lines by rows, where no rules part them."""
    pitches = [two.middle - one.middle for one, two in pairwise(lines)]
    height = median(line.y1 - line.y0 for line in lines)
    usual = sorted(pitch for pitch in pitches if pitch >= _FEWEST * height) or [height]
    tight = usual[len(usual) // 10]  # an odd one or two may be nearer
    halves = {at for at, pitch in enumerate(pitches, 1) if pitch < _FEWEST * height and _apart(placed, at)}
    others = [pitch for at, pitch in enumerate(pitches, 1) if at not in halves and at + 1 not in halves] or pitches
    even = max(others) <= _WIDER * min(others)
    rows = [[0]]
    for at, pitch in enumerate(pitches, 1):
        if at in halves:  # cells set in the middle of a row's height
            rows[-1].append(at)
        elif pitch > _WIDER * tight or at + 1 in halves or not _wraps(lines, placed, rows[-1], at, even):
            rows.append([at])
        else:
            rows[-1].append(at)
    return rows


def _apart(placed: Sequence[Placed], at: int) -> bool:
    """Whether no column has something both in the line and in the one above it."""
    return not {column for column, _ in placed[at]} & {column for column, _ in placed[at - 1]}


def _wraps(
    lines: Sequence[Line],
    placed: Sequence[Placed],
    row: Sequence[int],
    at: int,
    even: bool,
) -> bool:
    """Whether the line goes on with what the row's cells began, at the pitch of wrapped lines; `even`: all lines are as
    far apart."""
    numbers = {column for line in row for column, fragment in placed[line] if is_number(fragment.text)}
    if any(column in numbers for column, fragment in placed[at] if is_number(fragment.text)):
        return False
    taken = {column for line in row for column, _ in placed[line]}
    own = {column for column, _ in placed[at]}
    if even:  # nothing parts rows but what stands in them
        return 0 not in own and own <= taken
    if numbers and 0 in own and any(is_number(fragment.text) for _, fragment in placed[at]):
        return False
    height = median(line.y1 - line.y0 for line in lines)
    return own <= taken and lines[at].middle - lines[at - 1].middle <= 2 * height


def _without_symbols(rows: Sequence[tuple[str, ...]]) -> Cells:
    """Columns of nothing but currencies or per cent signs go with the numbers they belong to; empty columns go."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    kept: list[list[str]] = []
    leading: list[str] | None = None
    for number, column in enumerate(columns):
        said = [text for text in column if text]
        if leading is not None:
            column = [f"{mark}{text}" if mark else text for mark, text in zip(leading, column, strict=True)]
            leading = None
            said = [text for text in column if text]
        if not said:
            continue
        if kept and all(map(_TRAILS.fullmatch, said)):
            kept[-1] = [text + mark for text, mark in zip(kept[-1], column, strict=True)]
        elif number + 1 < len(columns) and all(map(_LEADS.fullmatch, said)):
            leading = column
        else:
            kept.append(column)
    return tuple(zip(*kept, strict=True)) if len(kept) > 1 else ()
