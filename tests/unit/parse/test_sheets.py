"""Workbooks and separated values: cells as they are shown, with the place that a person finds them at."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from pipelines.domain.documents import Block, BlockKind, Box
from pipelines.domain.errors import LimitExceeded, UnreadableFile
from pipelines.ingest.normalise import normalise
from pipelines.ingest.parse import CSV, XLSX, parse_range, plan_ranges, probe
from pipelines.ingest.parse.sheets import blocks_of


def read(path: Path, media_type: str = XLSX) -> tuple[Block, ...]:
    return normalise([parse_range(path, media_type, part) for part in plan_ranges(probe(path, media_type))]).blocks


def tables(blocks: tuple[Block, ...]) -> list[tuple[tuple[str, ...], ...] | None]:
    return [block.cells for block in blocks if block.kind is BlockKind.TABLE]


def test_values_are_read_as_they_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ("Name", "Value"))
    shown = {
        "share": (0.255, "0%", "25.5%"),
        "price": (1234.5, "#,##0.00 [$€-407]", "1234.5 €"),
        "dollars": (12, '"$"#,##0', "12 $"),
        "colour": (7, "[Red]0", "7"),
        "sum": (0.1 + 0.2, "General", "0.3"),
        "day": (date(2026, 1, 2), "yyyy-mm-dd", "2026-01-02"),
        "moment": (datetime(2026, 1, 2, 13, 45), "yyyy-mm-dd hh:mm", "2026-01-02 13:45"),
        "duration": (timedelta(hours=30), "[h]:mm", "30:00:00"),
        "yes": (True, "General", "TRUE"),
    }
    for line, (name, (value, code, _)) in enumerate(shown.items(), 1):
        sheet.write(line, 0, name)
        sheet.write(line, 1, value, book.add_format({"num_format": code}))
    book.close()
    (cells,) = tables(read(path))
    assert cells == (("Name", "Value"), *((name, text) for name, (_, _, text) in shown.items()))


def test_a_formula_is_read_as_what_it_came_to(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ("Total", "Now"))
        sheet.write_formula(1, 0, "=SUM(A3:A9)", None, 42)
        sheet.write_formula(1, 1, '=WEBSERVICE("http://192.0.2.1/")', None, "cached")
    assert tables(read(path)) == [(("Total", "Now"), ("42", "cached"))]


def test_merged_cells_are_kept_and_titles_stand_once(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Sales")
        sheet.merge_range("B2:D2", "Sales of 2026")
        sheet.write_row("B3", ("Land", "Quarter", "Sum"))
        sheet.merge_range("B4:B5", "Chile")
        sheet.write_row("C4", ("Q1", 5))
        sheet.write_row("C5", ("Q2", 7))
    blocks = read(path)
    assert [(block.kind, block.text) for block in blocks[:3]] == [
        (BlockKind.HEADING, "Sales"),
        (BlockKind.PARAGRAPH, "Sales of 2026"),
        (BlockKind.HEADING, "B3:D5"),
    ]
    assert blocks[3].cells == (("Land", "Quarter", "Sum"), ("Chile", "Q1", "5"), ("Chile", "Q2", "7"))
    assert blocks[3].box == Box(1, 2, 4, 5)


def test_a_page_is_a_sheet_that_people_see(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    with xlsxwriter.Workbook(path) as book:
        for name in ("One", "Secret", "Empty", "Two"):
            book.add_worksheet(name)
        book.get_worksheet_by_name("One").write("A1", "first")
        book.get_worksheet_by_name("Secret").write("A1", "hidden")
        book.get_worksheet_by_name("Secret").hide()
        book.get_worksheet_by_name("Two").write("A1", "last")
    assert probe(path, XLSX) == 3
    assert [(block.page, block.text) for block in read(path)] == [(1, "One"), (1, "first"), (3, "Two"), (3, "last")]


def test_what_recurs_on_many_sheets_is_no_running_header(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    with xlsxwriter.Workbook(path) as book:
        for month in range(1, 13):
            sheet = book.add_worksheet(f"Month {month}")
            sheet.write_column(0, 0, ["Sales 1", *[""] * 30, "the end"])
    assert sum(block.text == "Sales 1" for block in read(path)) == 12


def test_text_boxes_are_read_after_the_cells_they_lie_on(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Plan")
        sheet.write("A1", "a cell")
        sheet.insert_textbox("D9", "Only for\ninternal use")
    found = read(path)
    assert [block.text for block in found] == ["Plan", "a cell", "Only for", "internal use"]
    assert found[-1].box == Box(3, 8, 4, 9)


def test_a_format_far_away_is_no_cell(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Plan")
        sheet.write("A1", "a cell")
        sheet.write_blank(1_048_575, 16_383, None, book.add_format({"bold": True}))
    assert [block.text for block in read(path)] == ["Plan", "a cell"]


def test_cells_far_apart_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "a")
        sheet.write(1_048_575, 16_383, "b")
    with pytest.raises(LimitExceeded):
        read(path)


def test_separated_values_of_any_kind(tmp_path: Path) -> None:
    path = tmp_path / "list"
    expected = [(("Name", "Note"), ("Müller", "a, b; c"), ("Line one two", "4"))]
    for separator in ",;\t|":
        path.write_text(
            f'Name{separator}Note\r\nMüller{separator}"a, b; c"\r\n"Line one\ntwo"{separator}4\r\n', "utf-8"
        )
        assert tables(read(path, CSV)) == expected


def test_long_tables_are_cut_into_blocks_that_name_their_rows() -> None:
    rows = [["Id", "Text"], *([str(number), "word " * 20] for number in range(40))]
    found = list(blocks_of(rows, 1))
    places = [(block.text, block.box) for block in found if block.kind is BlockKind.HEADING]
    assert [text for text, _ in places][:2] == ["A1:B8", "A9:B15"]
    assert all(block.cells is None or block.cells[0] == ("Id", "Text") for block in found)


def test_one_very_wide_row_does_not_widen_all_others(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("a,b\n" * 20_000 + "," * 1_000 + "c\n")
    with pytest.raises(LimitExceeded):
        read(path, CSV)


def test_what_holds_nothing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(",,,\n,,\n")
    with pytest.raises(UnreadableFile):
        read(path, CSV)


CELLS = st.lists(st.lists(st.sampled_from(["", "a", "b 1", "|"]), max_size=5), max_size=12)


@given(CELLS, st.integers(0, 3))
def test_every_cell_is_in_a_block_that_covers_its_place(rows: list[list[str]], top: int) -> None:
    found = list(blocks_of(rows, 1, top=top))
    for number, row in enumerate(rows, top):
        for column, text in enumerate(row):
            holders = [
                block
                for block in found
                if block.kind is not BlockKind.HEADING
                and block.box.y0 <= number < block.box.y1
                and block.box.x0 <= column < block.box.x1
            ]
            assert not text or [text.replace("|", "\\|") in block.text or text in block.text for block in holders] == [
                True
            ]


@given(st.binary(max_size=300))
def test_any_bytes_are_separated_or_refused_by_name(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "list.csv")
        path.write_bytes(data)
        try:
            blocks = read(path, CSV)
        except UnreadableFile:
            return
    assert all(block.text.strip() for block in blocks)
