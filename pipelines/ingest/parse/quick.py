"""Layout by geometry alone, for pages that leave no doubt: one or two columns of text, and tables of numbers or with rules.

It takes a hundredth of the time of the network that analyses the others. In doubt it says None.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from pipelines.domain.documents import Block, BlockKind, Box
from pipelines.ingest.parse.columns import PROSE_WORDS, columns_of_page
from pipelines.ingest.parse.figures import figures_of
from pipelines.ingest.parse.lines import Fragment, Line, around, lines_of
from pipelines.ingest.parse.page_text import PageText, Rules, Word
from pipelines.ingest.parse.prose import MARK, Body, body_of, rounded, text_blocks, usual
from pipelines.ingest.parse.table_grid import SYMBOL, columns_of, grid, is_number
from pipelines.ingest.parse.words import join, markdown_table

_NUMBERING = re.compile(
    r"(?:(?i:item|note|part|section|exhibit|article|chapter)\s+)?(?:\d{1,3}|[A-Z]|[IVXLC]{1,5})(?:\.\d+)*[A-Z]?[.:)]?"
)
_MOST_WORDS = 8_000  # a page with more is no page of text, and would take long
_CAPTION = re.compile(r"(?:table|figure|exhibit|chart)\s+[\dA-Z]+[.:\s]", re.IGNORECASE)
_CAPTION_GAP = 30.0  # points
_LOOKED_AT = 6  # lines
_FEWEST_IN_CODE = 3  # cells of a table in letters that are all as wide: less is code that stands in columns


class Part(NamedTuple):
    """Words that are read before those of the next part, and their blocks; None where geometry alone leaves doubt."""

    words: Sequence[Word]
    blocks: Sequence[Block] | None


class Reading(NamedTuple):
    parts: Sequence[Part]
    figures: Sequence[Block]

    @property
    def blocks(self) -> list[Block] | None:
        """The page's, in reading order; None where a part leaves doubt."""
        found: list[Block] = []
        for part in self.parts:
            if part.blocks is None:
                return None
            found += part.blocks
        return placed(found, self.figures)


def reading(page: PageText, number: int) -> Reading:
    figures = figures_of(page) if len(page.words) <= _MOST_WORDS else None
    if figures is None:
        return Reading([Part(page.words, None)], ())
    words = [word for word in page.words if not any(_holds(figure, word) for figure in figures)]
    most = usual(words) if words else (0.0, False)
    parts = [
        Part(part, _column(lines_of(part, page.rules), most, page.rules, number) if sure else None)
        for part, sure in columns_of_page(words, page.rules)
    ]
    return Reading(parts, [_figure(figure, page.words, number) for figure in figures])


def column(words: Sequence[Word], rules: Rules, number: int) -> list[Block] | None:
    """The blocks of words known to be one column with a table in it, or None as above."""
    return _column(lines_of(words, rules), usual(words), rules, number, has_table=True)


def _holds(box: Box, word: Word) -> bool:
    return box.x0 <= (word.x0 + word.x1) / 2 <= box.x1 and box.y0 <= (word.y0 + word.y1) / 2 <= box.y1


def _figure(box: Box, words: Sequence[Word], number: int) -> Block:
    """A figure with the words that stand in it."""
    inside = [word for word in words if _holds(box, word)]
    return Block(BlockKind.FIGURE, join([line.text for line in lines_of(inside)]), number, rounded(box))


def placed(blocks: Sequence[Block], figures: Sequence[Block]) -> list[Block]:
    """The blocks with each figure before the first one that stands under it, in its column, and bound to its caption. One
    of which there is nothing to say is left out."""
    placed = list(blocks)
    for figure in figures:
        at = next((at for at, block in enumerate(placed) if _under(block.box, figure.box)), len(placed))
        caption = next(
            (near for near in (at, at - 1) if 0 <= near < len(placed) and _captions(placed[near], figure)), None
        )
        if caption is not None:
            placed[caption] = _bound(placed[caption], figure)
        elif figure.text:
            placed.insert(at, figure)
    return placed


def _captions(block: Block, figure: Block) -> bool:
    """Whether the text names the figure that it stands under or over."""
    apart = max(block.box.y0 - figure.box.y1, figure.box.y0 - block.box.y1)
    beside = min(block.box.x1, figure.box.x1) > max(block.box.x0, figure.box.x0)
    return bool(_CAPTION.match(block.text)) and beside and apart <= _CAPTION_GAP


def _bound(caption: Block, figure: Block) -> Block:
    text = f"{caption.text} {figure.text}".rstrip()
    return replace(
        caption, kind=BlockKind.FIGURE, text=text, level=None, box=rounded(around([caption.box, figure.box]))
    )


def _under(box: Box, figure: Box) -> bool:
    return box.y0 >= figure.y1 - 2 and box.x0 < figure.x1 and box.x1 > figure.x0


def _column(
    lines: list[Line], most: tuple[float, bool], rules: Rules, number: int, *, has_table: bool = False
) -> list[Block] | None:
    """The blocks of lines that stand one under the other. Cells of words make a table without rules if there `has_table`."""
    lines = [_without_gaps(line) for line in lines]
    if not has_table and any(_side_by_side(line) for line in lines):
        return None
    body = body_of(lines, *most)
    blocks: list[Block] = []
    at = 0
    while at < len(lines):
        end = _run(lines, at, body, rules)
        if end is None:
            stop = next((n for n in range(at + 1, len(lines)) if _run(lines, n, body, rules) is not None), len(lines))
            blocks += text_blocks(lines[at:stop], body, number)
            at = stop
            continue
        start = _with_heads(lines, at, blocks, body)
        if start < at and blocks:
            del blocks[-1]
        table = lines[start:end]
        cells = grid(table, rules)
        if not cells or not (has_table or _is_table(table, rules)):
            return None
        blocks.append(
            Block(
                BlockKind.TABLE,
                markdown_table(cells),
                number,
                rounded(around([line.box for line in table])),
                cells=cells,
            )
        )
        at = end
    return blocks


def _without_gaps(line: Line) -> Line:
    """The line as one fragment where its gaps part a mark or a number from its text."""
    first, *rest = line.fragments
    if (
        len(rest) == 1
        and (MARK.fullmatch(first.text) or _NUMBERING.fullmatch(first.text))
        and not is_number(rest[0].text)
    ):
        return Line(line.y0, line.y1, (Fragment(line.box, line.text, rest[0].style),))
    return line


def _side_by_side(line: Line) -> bool:
    """Whether a line is one of two texts, or of a table with the name of another thing beside it."""
    prose = sum(len(fragment.text.split()) >= PROSE_WORDS + 1 for fragment in line.fragments) > 1
    return prose or any(_CAPTION.match(fragment.text) for fragment in line.fragments[1:])


def _run(lines: Sequence[Line], start: int, body: Body, rules: Rules) -> int | None:
    """Where a run of lines with several cells ends that begins at `start`; None when none begins there."""
    monospaced = lines[start].monospaced
    if len(lines[start].fragments) < (_FEWEST_IN_CODE if monospaced else 2):
        return None
    end = start + 1
    for at in range(start + 1, len(lines)):
        line, above = lines[at], lines[at - 1]
        if line.monospaced is not monospaced:
            break
        if _framed(lines[start:end], above, line, rules) or _wraps(lines[start:end], above, line):
            end = at + 1
            continue
        if line.middle - above.middle > 3 * body.pitch:
            break
        if len(line.fragments) > 1:
            if at > end and _other_columns(lines[start:end], lines[at : at + _LOOKED_AT]):
                break
            end = at + 1
        elif at - end >= 3 or line.box.x1 - line.box.x0 > 0.6 * body.width or _CAPTION.match(line.text):
            break
    return end if sum(len(line.fragments) > 1 for line in lines[start:end]) >= 2 else None


def _framed(table: Sequence[Line], above: Line, line: Line, rules: Rules) -> bool:
    """Whether a rule between the table's columns runs on to the line."""
    going_on = [x for x, y0, y1 in rules.vertical if y0 <= above.middle and line.middle <= y1]
    if not going_on:
        return False
    box = around([each.box for each in table])
    return any(box.x0 < x < box.x1 for x in going_on)


def _wraps(table: Sequence[Line], above: Line, line: Line) -> bool:
    """Whether a line, under one of the later columns alone, goes on with a cell of it."""
    if len(line.fragments) > 1 or line.middle - above.middle > 1.5 * max(line.y1 - line.y0, above.y1 - above.y0):
        return False
    columns = columns_of(table)
    return any(x0 - 2 <= line.box.x0 and line.box.x1 <= x1 + 2 for x0, x1 in columns[1:])


def _other_columns(table: Sequence[Line], below: Sequence[Line]) -> bool:
    """Whether the lines below a line of one cell have columns that the table above it has not."""
    rest = next((at for at, line in enumerate(below) if len(line.fragments) < 2), len(below))
    if rest < 2 or sum(len(line.fragments) > 1 for line in table) < 2:
        return False
    most = max(len(columns_of(table)), len(columns_of(below[:rest])))
    together = len(columns_of([*table, *below[:rest]]))
    return not most <= together <= most + 1  # a sparse row may show one that the others have not


def _with_heads(lines: Sequence[Line], start: int, blocks: Sequence[Block], body: Body) -> int:
    """The start with the line above it, when that stands over the later columns alone: what they have in common."""
    if start == 0 or not blocks:
        return start
    above, first = lines[start - 1], lines[start]
    columns = columns_of(lines[start : start + 6])
    close = first.middle - above.middle <= 2 * body.pitch
    stands_over = len(columns) > 1 and above.box.x0 > columns[0][1]
    only = blocks[-1].text == above.text
    return start - 1 if close and stands_over and only else start


def _is_table(lines: Sequence[Line], rules: Rules) -> bool:
    """Whether the cells after the first are numbers for the most part, or rules run through the lines."""
    later = [fragment for line in lines for fragment in line.fragments[1:]]
    numbers = sum(is_number(each.text) or bool(SYMBOL.fullmatch(each.text)) for each in later)
    if numbers >= 0.5 * len(later):
        return True
    box = around([line.box for line in lines])
    inside = [
        y
        for y, x0, x1 in rules.horizontal
        if box.y0 - 4 < y < box.y1 + 4 and min(x1, box.x1) - max(x0, box.x0) > 0.5 * (box.x1 - box.x0)
    ]
    return len(inside) >= 3
