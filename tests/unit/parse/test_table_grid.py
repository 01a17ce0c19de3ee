"""Rows and columns from words and rules alone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pipelines.ingest.parse.lines import lines_of
from pipelines.ingest.parse.page_text import NO_RULES, Rules, Style, Word
from pipelines.ingest.parse.table_grid import Cells, grid

PLAIN = Style(10, False, False, False)
LETTER, HEIGHT = 5.0, 11.0


def words(rows: Sequence[tuple[float, Sequence[tuple[float, str]]]]) -> list[Word]:
    """Of texts that begin at x on lines whose tops are at y."""
    found = []
    for number, (y, cells) in enumerate(rows):
        for at, (x, text) in enumerate(cells):
            left = x
            for word in text.split():
                right = left + LETTER * len(word)
                found.append(Word(left, y, right, y + HEIGHT, word, 100 * number + at, PLAIN))
                left = right + 2.5
    return found


def read(rows: Sequence[tuple[float, Sequence[tuple[float, str]]]], rules: Rules = NO_RULES) -> Cells:
    return grid(lines_of(words(rows), rules), rules)


def test_columns_are_parted_by_white_space_and_rows_by_lines() -> None:
    assert read(
        [
            (0, [(150, "2023"), (200, "2022")]),
            (12, [(0, "Net sales"), (150, "1,200"), (200, "900")]),
            (24, [(0, "Cost of sales"), (150, "(700)"), (200, "(650)")]),
        ]
    ) == (("", "2023", "2022"), ("Net sales", "1,200", "900"), ("Cost of sales", "(700)", "(650)"))


def test_a_currency_in_a_column_of_its_own_goes_with_its_number() -> None:
    assert read(
        [
            (0, [(0, "Sales"), (120, "$"), (150, "1,200"), (195, "%")]),
            (12, [(0, "Costs"), (120, "$"), (150, "900"), (195, "%")]),
        ]
    ) == (("Sales", "$1,200%"), ("Costs", "$900%"))


def test_lines_of_one_cell_are_one_row_where_wider_gaps_part_rows() -> None:
    rows = [
        (0, [(0, "Kind"), (120, "What it covers")]),
        (20, [(0, "Annual"), (120, "all paid days of")]),
        (31, [(0, "leave"), (120, "the year")]),
        (51, [(0, "Moving"), (120, "two days")]),
    ]
    assert read(rows) == (
        ("Kind", "What it covers"),
        ("Annual leave", "all paid days of the year"),
        ("Moving", "two days"),
    )


def test_a_number_begins_a_row_however_near() -> None:
    rows = [(0, [(0, "A"), (100, "10")]), (11, [(0, "B"), (100, "20")]), (40, [(0, "C"), (100, "30")])]
    assert read(rows) == (("A", "10"), ("B", "20"), ("C", "30"))


def test_rules_part_rows_and_columns_that_stand_near() -> None:
    rows = [
        (2, [(2, "one"), (20, "two")]),
        (14, [(2, "more"), (24, "of")]),
        (28, [(2, "next"), (24, "row")]),
        (42, [(2, "last"), (24, "row")]),
    ]
    rules = Rules([(y, 0.0, 60.0) for y in (0, 26, 40, 55)], [(x, 0.0, 55.0) for x in (0, 23, 60)])
    assert read(rows, rules)[1:] == (("next", "row"), ("last", "row"))


def test_a_header_over_several_columns_stands_in_the_first_of_them() -> None:
    rows = [
        (0, [(105, "Years ended December 31")]),
        (12, [(0, "Millions"), (100, "2023"), (160, "2022"), (220, "2021")]),
        (24, [(0, "Sales"), (100, "1"), (160, "2"), (220, "3")]),
        (36, [(0, "Costs"), (100, "4"), (160, "5"), (220, "6")]),
    ]
    assert read(rows)[0] == ("", "Years ended December 31", "", "")


@pytest.mark.parametrize("rows", [[(0, [(0, "One line of text")])], [(0, [(0, "One")]), (12, [(0, "column")])], []])
def test_what_has_no_rows_or_no_columns_is_no_table(rows: list[tuple[float, list[tuple[float, str]]]]) -> None:
    assert read(rows) == ()


def test_lines_over_each_other_are_never_one_however_near() -> None:
    near = [(0, [(0, "upper line of a column")]), (4, [(0, "lower line of a column")])]
    assert [line.text for line in lines_of(words(near))] == ["upper line of a column", "lower line of a column"]


def test_columns_whose_lines_stand_at_different_heights_keep_their_lines() -> None:
    found = lines_of(
        words([(0, [(0, "left one")]), (5, [(200, "right one")]), (12, [(0, "left two")]), (17, [(200, "right two")])])
    )
    assert {fragment.text for line in found for fragment in line.fragments} == {
        "left one",
        "right one",
        "left two",
        "right two",
    }


def test_a_cell_in_the_middle_of_its_rows_height_belongs_to_the_row() -> None:
    assert read(
        [
            (0, [(0, "Berth"), (150, "Fee")]),
            (16, [(0, "North"), (150, "120")]),
            (32, [(0, "South and")]),
            (38, [(150, "340")]),
            (44, [(0, "east")]),
            (60, [(0, "West"), (150, "560")]),
        ]
    ) == (("Berth", "Fee"), ("North", "120"), ("South and east", "340"), ("West", "560"))
