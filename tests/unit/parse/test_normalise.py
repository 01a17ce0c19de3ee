"""Ranges of pages become one document."""

from __future__ import annotations

import pytest

from pipelines.domain.documents import Block, BlockKind, Box, Page, ParsedDocument
from pipelines.ingest.normalise import normalise
from pipelines.ingest.parse import codec
from pipelines.ingest.parse.page_text import Style
from pipelines.ingest.parse.prominence import prominence

TOP, MIDDLE, BOTTOM = Box(50, 20, 500, 30), Box(50, 300, 500, 400), Box(50, 810, 500, 820)


def _part(first: int, *pages: list[Block], title: str | None = None) -> ParsedDocument:
    numbers = range(first, first + len(pages))
    return ParsedDocument(
        tuple(Page(number, 595.0, 842.0) for number in numbers), tuple(block for page in pages for block in page), title
    )


def _text(text: str, page: int, box: Box = MIDDLE) -> Block:
    return Block(BlockKind.PARAGRAPH, text, page, box)


def _page(number: int) -> list[Block]:
    return [
        _text(f"Annual report {2020 + number}", number, TOP),
        _text(f"Words of page {number}.", number),
        _text(f"Page {number} of 6", number, BOTTOM),
    ]


def test_what_runs_through_the_document_goes_also_across_ranges() -> None:
    document = normalise([_part(1, *map(_page, (1, 2, 3))), _part(4, *map(_page, (4, 5, 6)))])
    assert [block.text for block in document.blocks] == [f"Words of page {number}." for number in range(1, 7)]
    assert [page.number for page in document.pages] == [1, 2, 3, 4, 5, 6]


def test_left_and_right_pages_may_have_headers_of_their_own() -> None:
    def page(number: int) -> list[Block]:
        return [_text("Annual report" if number % 2 else "Meridian Observatory", number, TOP), _text("Words.", number)]

    document = normalise([_part(1, *map(page, range(1, 5))), _part(5, *map(page, range(5, 9)))])
    assert [block.text for block in document.blocks] == ["Words."] * 8


def test_the_middle_of_a_page_may_say_the_same_on_each() -> None:
    document = normalise([_part(1, *([_text("Approved.", number)] for number in range(1, 6)))])
    assert len(document.blocks) == 5


def test_what_stands_in_a_margin_once_stays() -> None:
    document = normalise([_part(1, [_text("Item 8.01 Other events", 1, TOP)], *map(_page, (2, 3, 4)))])
    assert document.blocks[0].text == "Item 8.01 Other events"


def test_a_document_of_nothing_but_margins_keeps_them() -> None:
    document = normalise([_part(1, *([_text(str(number), number, TOP)] for number in (1, 2, 3)))])
    assert [block.text for block in document.blocks] == ["1", "2", "3"]


def test_headings_are_ranked_over_all_ranges() -> None:
    def heading(text: str, page: int, prominence: int) -> Block:
        return Block(BlockKind.HEADING, text, page, MIDDLE, level=prominence)

    document = normalise([_part(1, [heading("Details", 1, 90)]), _part(2, [heading("Part", 2, 300)])])
    assert [(block.text, block.level) for block in document.blocks] == [("Details", 2), ("Part", 1)]


def test_no_level_is_deeper_than_six_and_none_is_skipped() -> None:
    blocks = [Block(BlockKind.HEADING, str(size), 1, MIDDLE, level=size) for size in range(90, 10, -10)]
    document = normalise([_part(1, blocks)])
    assert [block.level for block in document.blocks] == [1, 2, 3, 4, 5, 6, 6, 6]


@pytest.mark.parametrize(
    ("named", "expected"), [("From the file", "From the file"), (None, "The largest heading of page 1")]
)
def test_a_title_is_the_files_own_or_the_first_pages_heading(named: str | None, expected: str) -> None:
    small = Block(BlockKind.HEADING, "A small heading", 1, MIDDLE, level=10)
    large = Block(BlockKind.HEADING, "The largest heading of page 1", 1, MIDDLE, level=20)
    larger = Block(BlockKind.HEADING, "A larger one of page 2", 2, MIDDLE, level=30)
    assert normalise([_part(1, [small, large], title=named), _part(2, [larger])]).title == expected


def test_a_document_survives_being_stored() -> None:
    table = Block(BlockKind.TABLE, "| ä | 1 |\n| --- | --- |", 1, MIDDLE, cells=(("ä", "1"),))
    part = _part(1, [table, Block(BlockKind.HEADING, "𝑝 → ∞", 1, TOP, level=3)], title="Title")
    assert codec.load(codec.dump(part)) == part


def test_headings_that_differ_in_their_number_do_not_run() -> None:
    def page(number: int) -> list[Block]:
        return [Block(BlockKind.HEADING, f"{number} Lesson", number, TOP, level=1), _text("Words.", number)]

    document = normalise([_part(1, *map(page, range(1, 6)))])
    assert [block.text for block in document.blocks if block.level] == [f"{number} Lesson" for number in range(1, 6)]


def test_a_heading_without_a_number_is_as_high_as_those_that_look_like_it() -> None:
    bold = Style(12, True, False, False)
    texts = ["Foreword", "1.1 Scope", "1.1.1 Terms"]
    blocks = [Block(BlockKind.HEADING, text, 1, MIDDLE, level=prominence(bold, text)) for text in texts]
    assert [block.level for block in normalise([_part(1, blocks)]).blocks] == [1, 1, 2]


def test_a_line_in_brackets_is_no_heading_and_takes_none_away() -> None:
    def heading(text: str, y: float) -> Block:
        return Block(
            BlockKind.HEADING, text, 1, Box(50, y, 500, y + 10), level=prominence(Style(11.0, True, False, False), text)
        )

    document = normalise(
        [_part(1, [heading("Cash Flows", 200), heading("(Dollars in millions)", 220), heading("(a) Costs", 240)])]
    )
    assert [(block.text, block.kind) for block in document.blocks] == [
        ("Cash Flows", BlockKind.HEADING),
        ("(Dollars in millions)", BlockKind.PARAGRAPH),
        ("(a) Costs", BlockKind.HEADING),
    ]
