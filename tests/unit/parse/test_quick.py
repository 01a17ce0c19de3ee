"""Layout by geometry alone: what it reads, and what it leaves to the network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from pipelines.domain.documents import Block, BlockKind
from pipelines.ingest.parse import quick
from pipelines.ingest.parse.mupdf import pymupdf
from pipelines.ingest.parse.page_text import Style, page_text
from pipelines.ingest.parse.prose import prominence

LINE = "The committee meets on the first Monday of each month and keeps its minutes"


def analysed(draw: Any) -> list[Block] | None:
    with pymupdf.open() as document:
        page = document.new_page(width=595, height=842)
        draw(page)
        return quick.reading(page_text(page), 1).blocks


def write(page: Any, x: float, y: float, text: str, size: float = 10, font: str = "helv") -> None:
    page.insert_text((x, y), text, fontsize=size, fontname=font)


def paragraph(page: Any, x: float, y: float, lines: int = 4, text: str = LINE) -> float:
    for number in range(lines):
        write(page, x, y + 12 * number, text if number < lines - 1 else "in a book.")
    return y + 12 * lines


def test_paragraphs_headings_lists_and_code_are_told_apart() -> None:
    def draw(page: Any) -> None:
        write(page, 60, 60, "Rules", 18, "hebo")
        paragraph(page, 60, 90)
        paragraph(page, 60, 150)
        write(page, 60, 220, "2.1 Meetings", 10, "hebo")
        paragraph(page, 60, 236)
        write(page, 70, 300, "1. Open the meeting.")
        write(page, 70, 314, "2. Close the meeting.")
        write(page, 60, 340, "if open:", 10, "cour")
        write(page, 60, 352, "    close()", 10, "cour")

    blocks = analysed(draw)
    assert blocks is not None
    assert [(block.kind, block.text[:12]) for block in blocks] == [
        (BlockKind.HEADING, "Rules"),
        (BlockKind.PARAGRAPH, "The committe"),
        (BlockKind.PARAGRAPH, "The committe"),
        (BlockKind.HEADING, "2.1 Meetings"),
        (BlockKind.PARAGRAPH, "The committe"),
        (BlockKind.LIST, "1. Open the "),
        (BlockKind.LIST, "2. Close the"),
        (BlockKind.CODE, "if open:\n   "),
    ]
    first, _, _, second, *_ = blocks
    assert (first.level or 0) > (second.level or 0)


def test_a_table_of_numbers_is_a_table_and_its_neighbours_are_not() -> None:
    def draw(page: Any) -> None:
        paragraph(page, 60, 60)
        for row, cells in enumerate(
            [("Millions", "2023", "2022"), ("Sales", "1,200", "900"), ("Costs", "(700)", "(650)")]
        ):
            for column, text in enumerate(cells):
                write(page, (60, 300, 380)[column], 130 + 14 * row, text)
        paragraph(page, 60, 200)

    blocks = analysed(draw)
    assert blocks is not None
    assert [block.kind for block in blocks] == [BlockKind.PARAGRAPH, BlockKind.TABLE, BlockKind.PARAGRAPH]
    assert blocks[1].cells == (("Millions", "2023", "2022"), ("Sales", "1,200", "900"), ("Costs", "(700)", "(650)"))
    assert blocks[1].box.y0 < 125
    assert blocks[1].box.y1 > 155


def test_two_columns_are_read_one_after_the_other() -> None:
    short = "Words that fill half of a page from edge"

    def draw(page: Any) -> None:
        write(page, 60, 60, "A title over both", 18, "hebo")
        for number in range(12):
            write(page, 60, 100 + 12 * number, f"{short} {'left'}")
            write(page, 320, 103 + 12 * number, f"{short} {'right'}")

    blocks = analysed(draw)
    assert blocks is not None
    text = " ".join(block.text for block in blocks)
    assert text.startswith("A title over both")
    assert text.rindex("left") < text.index("right")


def test_tables_that_follow_each_other_with_other_columns_are_two() -> None:
    def draw(page: Any) -> None:
        for row in range(3):
            for x in (200, 300):
                write(page, x, 80 + 14 * row, "1,234")
            write(page, 60, 80 + 14 * row, f"Row {row}")
        write(page, 60, 130, "and in other units")
        for row in range(3):
            for x in (150, 250, 350, 450):
                write(page, x, 150 + 14 * row, "5,678")
            write(page, 60, 150 + 14 * row, f"Row {row}")

    blocks = analysed(draw)
    assert blocks is not None
    assert [len(block.cells[0]) for block in blocks if block.cells] == [3, 5]


def spread(page: Any, x: float, y: float, text: str, gap: float) -> None:
    for word in text.split():
        write(page, x, y, word)
        x += pymupdf.get_text_length(word, "helv", 10) + gap


def test_a_justified_line_with_wide_gaps_is_a_line_of_its_paragraph() -> None:
    def draw(page: Any) -> None:
        spread(page, 60, 80, "Overtime is agreed with your", 16)
        spread(page, 60, 92, "supervisor beforehand and only then", 2.8)
        write(page, 60, 104, "is it paid.")

    blocks = analysed(draw)
    assert blocks is not None
    assert [block.text for block in blocks] == [
        "Overtime is agreed with your supervisor beforehand and only then is it paid."
    ]


def grid_of(page: Any, x: float, y: float, rows: Sequence[tuple[str, str]]) -> float:
    """A table with rules, 180 points wide, and where it ends."""
    for number, cells in enumerate(rows):
        top = y + 18 * number
        for column, text in enumerate(cells):
            page.draw_rect((x + 90 * column, top, x + 90 * column + 90, top + 18), color=(0, 0, 0), width=0.7)
            write(page, x + 90 * column + 4, top + 13, text)
    return y + 18 * len(rows)


def test_tables_side_by_side_in_columns_are_two() -> None:
    left = [("Berth", "Owner"), ("North", "harbour office"), ("South", "ferry company"), ("East", "nobody yet")]
    right = [("Month", "Ships"), ("March", "twenty-one"), ("April", "thirty"), ("May", "some forty"), ("June", "sixty")]

    def draw(page: Any) -> None:
        for x, rows in ((60, left), (320, right)):
            end = grid_of(page, x, 60, rows)
            for number in range(14):
                write(page, x, end + 30 + 12 * number, f"Words that fill half of a page to its {x}")

    blocks = analysed(draw)
    assert blocks is not None
    assert [(block.kind, block.cells) for block in blocks] == [
        (BlockKind.TABLE, tuple(left)),
        (BlockKind.PARAGRAPH, None),
        (BlockKind.TABLE, tuple(right)),
        (BlockKind.PARAGRAPH, None),
    ]


def test_a_table_beside_a_text_takes_none_of_it() -> None:
    table = (
        ("Berth", "2023", "2022"),
        *((f"Berth {number}", f"{number},100", f"{number},200") for number in range(1, 8)),
    )

    def draw(page: Any) -> None:
        for number in range(12):
            write(page, 60, 60 + 12 * number, "Words that fill a half of the page from edge")
        for row, cells in enumerate(table):
            for column, text in enumerate(cells):
                write(page, (330, 420, 480)[column], 65 + 17 * row, text)

    blocks = analysed(draw)
    assert blocks is not None
    assert [(block.kind, block.cells) for block in blocks] == [
        (BlockKind.PARAGRAPH, None),
        (BlockKind.TABLE, table),
    ]


def test_code_keeps_its_blank_lines_and_what_stands_in_columns() -> None:
    code = 'def rate(berth):\n    fees = {\n        "a":    12,\n        "bcd":  344,\n    }\n\n    return fees[berth]'

    def draw(page: Any) -> None:
        paragraph(page, 60, 60)
        for number, line in enumerate(code.split("\n")):
            write(page, 60, 130 + 12 * number, line, 10, "cour")

    blocks = analysed(draw)
    assert blocks is not None
    assert (blocks[-1].kind, blocks[-1].text) == (BlockKind.CODE, code)


def test_a_short_last_line_over_columns_ends_its_paragraph() -> None:
    def draw(page: Any) -> None:
        for number in range(3):
            write(page, 60, 60 + 12 * number, LINE + " for " + LINE[:20])
        write(page, 60, 96, "all to read.")
        for x in (60, 320):
            for number in range(12):
                write(page, x, 130 + 12 * number, "Words that fill half of a page from edge")

    blocks = analysed(draw)
    assert blocks is not None
    assert blocks[0].text.endswith("all to read.")
    assert len(blocks) == 3


def bars(page: Any) -> None:
    for number in range(5):
        page.draw_rect((80 + 30 * number, 400 - 20 * number, 100 + 30 * number, 500), fill=(0.1, 0.3, 0.7), color=None)


def test_a_figure_is_bound_to_its_caption() -> None:
    def draw(page: Any) -> None:
        paragraph(page, 60, 60)
        bars(page)
        write(page, 80, 520, "Figure 3: Visitors by month")
        paragraph(page, 60, 560)

    blocks = analysed(draw)
    assert blocks is not None
    assert [block.kind for block in blocks] == [BlockKind.PARAGRAPH, BlockKind.FIGURE, BlockKind.PARAGRAPH]
    assert blocks[1].text == "Figure 3: Visitors by month"
    assert blocks[1].box.y0 == 320
    assert blocks[1].box.y1 > 515


def test_words_in_a_figure_are_the_figures() -> None:
    def draw(page: Any) -> None:
        end = paragraph(page, 60, 60)
        for number in range(6):
            paragraph(page, 60, end + 20 + 36 * number, 2)
        page.insert_image((100, 400, 400, 600), pixmap=pymupdf.Pixmap(pymupdf.csRGB, (0, 0, 8, 8)))
        write(page, 150, 500, "Axis")

    blocks = analysed(draw)
    assert blocks is not None
    assert [block.text for block in blocks if block.kind is BlockKind.FIGURE] == ["Axis"]


def test_a_page_on_a_picture_is_left_to_the_network() -> None:
    def draw(page: Any) -> None:
        page.insert_image(page.rect, pixmap=pymupdf.Pixmap(pymupdf.csRGB, (0, 0, 8, 8)))
        paragraph(page, 60, 60)

    assert analysed(draw) is None


def test_cells_of_words_without_rules_are_left_to_the_network() -> None:
    def draw(page: Any) -> None:
        for row in range(4):
            write(page, 60, 80 + 14 * row, "Kind of thing")
            write(page, 300, 80 + 14 * row, "what it is")

    assert analysed(draw) is None


def test_a_page_without_words_has_no_blocks() -> None:
    assert analysed(lambda page: None) == []


@pytest.mark.parametrize(("text", "deeper"), [("1 Scope", "1.1 Terms"), ("3.2 Terms", "3.2.1 Persons")])
def test_numbering_ranks_headings_of_one_style(text: str, deeper: str) -> None:
    style = Style(12, True, False, False)
    assert prominence(style, text) > prominence(style, deeper)
