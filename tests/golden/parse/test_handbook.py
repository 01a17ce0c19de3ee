"""The sample handbook, read: two columns, tables, three levels of headings, headers and footers on every page."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.cli.handbook import write
from pipelines.domain.documents import BlockKind, ParsedDocument
from pipelines.ingest.normalise import normalise
from pipelines.ingest.parse import PDF, parse_range, plan_ranges, probe

HEADINGS = """
Meridian Observatory
 Staff Handbook
  1 Working here
   1.1 Hours
    1.1.1 Overtime
   1.2 Leave
    1.2.1 Parental leave
    1.2.2 Illness
  2 Money
   2.1 Salary
   2.2 Travel
   2.3 Pension
  3 Safety
   3.1 On the mountain
    3.1.1 Weather
    3.1.2 In an emergency
   3.2 Visitors
  4 Data
   4.1 Observations
   4.2 Personal data
   4.3 Accounts and devices
  5 Examples of forms
   5.1 Travel claim
   5.2 Request for leave
  6 Growing
   6.1 Training
   6.2 Talks with your supervisor
   6.3 When something is wrong
  7 Leaving
"""
LEAVE = (
    ("Kind of leave", "Days a year", "Notice"),
    ("Annual leave", "28", "2 weeks"),
    ("Annual leave, from age 50", "31", "2 weeks"),
    ("Moving house", "2", "1 week"),
    ("Training of own choice", "5", "1 month"),
    ("Care of a sick child", "10", "none"),
)
EXPENSES = (
    ("Expense", "Limit", "Receipt"),
    ("Hotel, per night", "140 EUR", "yes"),
    ("Meals, per day", "42 EUR", "no"),
    ("Own car, per kilometre", "0.34 EUR", "no"),
    ("Conference fee", "800 EUR", "yes"),
    ("Taxi, per trip", "35 EUR", "yes"),
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("handbook") / "handbook.pdf"
    write(path)
    return path


@pytest.fixture(scope="module")
def handbook(path: Path) -> ParsedDocument:
    return normalise([parse_range(path, PDF, pages) for pages in plan_ranges(probe(path, PDF), 1)])


def test_it_is_written_the_same_each_time(path: Path, tmp_path: Path) -> None:
    write(tmp_path / "again.pdf")
    assert (tmp_path / "again.pdf").read_bytes() == path.read_bytes()


def test_headings_come_in_order_and_at_their_level(handbook: ParsedDocument) -> None:
    found = [(block.level, block.text) for block in handbook.blocks if block.kind is BlockKind.HEADING]
    lines = HEADINGS.strip("\n").splitlines()
    assert found == [(len(line) - len(line.lstrip()) + 1, line.strip()) for line in lines]


def test_tables_keep_their_cells(handbook: ParsedDocument) -> None:
    assert [block.cells for block in handbook.blocks if block.kind is BlockKind.TABLE] == [LEAVE, EXPENSES]


def test_columns_are_read_one_after_the_other(handbook: ParsedDocument) -> None:
    text = " ".join(block.text for block in handbook.blocks)
    facts = ["38 hours", "28 days of paid leave", "before 09:30", "on the 25th", "555-0147", "for 72 hours"]
    places = [text.find(fact) for fact in (*facts, "DE89 3704 0044 0532 0130 00", "six weeks to the end")]
    assert -1 not in places
    assert places == sorted(places)


def test_no_paragraph_falls_apart_into_words(handbook: ParsedDocument) -> None:
    paragraphs = [block.text for block in handbook.blocks if block.kind is BlockKind.PARAGRAPH]
    assert any(text.startswith("Overtime is agreed with your supervisor beforehand.") for text in paragraphs)
    assert all(len(text.split()) > 2 for text in paragraphs)


def test_no_block_holds_a_running_header_or_footer(handbook: ParsedDocument) -> None:
    text = "\n".join(block.text for block in handbook.blocks)
    assert not [words for words in ("Edition of 2026", "For internal use", "Page 1 of", "·") if words in text]


def test_every_box_lies_on_its_page(handbook: ParsedDocument) -> None:
    sizes = {page.number: page for page in handbook.pages}
    for block in handbook.blocks:
        page = sizes[block.page]
        assert 0 <= block.box.x0 < block.box.x1 <= page.width
        assert 0 <= block.box.y0 < block.box.y1 <= page.height
