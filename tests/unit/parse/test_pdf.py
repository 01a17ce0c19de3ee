"""PDFs: no word is lost, none runs into another, and what cannot be read is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from pipelines.domain.documents import Block, BlockKind, Box
from pipelines.domain.errors import CairnError, EncryptedFile, TruncatedFile, UnreadableFile
from pipelines.ingest.normalise import normalise
from pipelines.ingest.parse import PDF, PageRange, parse_range, pdf, plan_ranges, probe
from pipelines.ingest.parse.mupdf import pymupdf
from pipelines.ingest.parse.page_text import NO_RULES, Style, Word

Make = Callable[[Any], None]
WORDS = "Nobody works alone in a dome at night, and the telescope is moved only after a call. " * 6


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.pdf"


def _write(path: Path, *pages: Make, **saving: Any) -> None:
    with pymupdf.open() as document:
        for draw in pages:
            draw(document.new_page())
        document.save(path, **saving)


def _blocks(path: Path) -> tuple[Block, ...]:
    return parse_range(path, PDF, PageRange(1, probe(path, PDF))).blocks


def _line(text: str, y: float = 60) -> Make:
    return lambda page: page.insert_text((72, y), text, fontsize=11)


def _body(header: str, footer: str) -> Make:
    def draw(page: Any) -> None:
        page.insert_text((72, 40), header, fontsize=8)
        page.insert_textbox((72, 120, 520, 600), WORDS, fontsize=11)
        page.insert_text((72, 815), footer, fontsize=8)

    return draw


@pytest.mark.parametrize("y", [30, 60, 400, 780, 820])
def test_a_page_of_one_line_keeps_it_wherever_it_stands(path: Path, y: float) -> None:
    _write(path, _line("The invoice number is 4711.", y))
    assert [block.text for block in _blocks(path)] == ["The invoice number is 4711."]


def test_headers_and_footers_that_run_are_dropped_and_others_stay(path: Path) -> None:
    _write(path, *(_body("Meridian Observatory", f"Page {number} of 3") for number in (1, 2, 3)))
    text = " ".join(block.text for block in _blocks(path))
    assert "Meridian" not in text
    assert "of 3" not in text
    assert text.count("Nobody works alone") == 18
    _write(path, _body("Invoice of 9 March", "Payable in 30 days"))
    text = " ".join(block.text for block in _blocks(path))
    assert "Invoice of 9 March" in text
    assert "Payable in 30 days" in text


def test_titles_that_are_alike_on_two_pages_are_no_header(path: Path) -> None:
    titles = ("Statement of Income", "Statement of Comprehensive Income", "Balance Sheet", "Statement of Cash Flows")
    _write(path, *(_body(f"The Company and Subsidiaries: {title}", "Meridian Observatory") for title in titles))
    text = " ".join(block.text for block in _blocks(path))
    assert [title for title in titles if title not in text] == []
    assert "Meridian" not in text


def test_a_header_that_names_its_section_runs(path: Path) -> None:
    sections = ("Income", "Income", "Costs", "Costs", "Cash", "Cash")
    _write(path, *(_body(f"Annual report of the company: {section}", str(at)) for at, section in enumerate(sections)))
    assert "Annual report" not in " ".join(block.text for block in _blocks(path))


def test_left_and_right_pages_may_have_headers_of_their_own(path: Path) -> None:
    headers = ["Staff Handbook", "Meridian Observatory"]
    _write(path, *(_body(headers[number % 2], str(number)) for number in range(1, 7)))
    text = normalise([parse_range(path, PDF, pages) for pages in plan_ranges(6, 2)]).blocks
    assert not [block.text for block in text if any(header in block.text for header in headers)]
    assert " ".join(block.text for block in text).count("Nobody works alone") == 36


def test_a_table_keeps_its_cells_and_their_signs(path: Path) -> None:
    rows = (("Role", "Mail"), ("On call", "john_doe@example.org"), ("Either|or", "a*b"), ("Night", "n_m@example.org"))

    def draw(page: Any) -> None:
        for row, cells in enumerate(rows):
            for column, text in enumerate(cells):
                cell = pymupdf.Rect(72 + 200 * column, 120 + 24 * row, 272 + 200 * column, 144 + 24 * row)
                page.draw_rect(cell)
                page.insert_textbox((cell.x0 + 4, cell.y0 + 5, cell.x1, cell.y1), text, fontsize=10)

    _write(path, draw)
    (table,) = (block for block in _blocks(path) if block.kind is BlockKind.TABLE)
    assert table.cells == rows
    assert "| Either\\|or | a*b |" in table.text


def test_words_stay_apart_whose_spaces_are_in_another_font(path: Path) -> None:
    words = ["typeset", "papers", "place", "every", "word", "on", "its", "own"]

    def draw(page: Any) -> None:
        font = pymupdf.Font("tiro")
        for row in range(12):
            x = 72.0
            for word in words:
                page.insert_text((x, 200 + 14 * row), word, fontname="tiro", fontsize=10)
                x += font.text_length(word, 10)
                page.insert_text((x, 200 + 14 * row), " ", fontname="hebo", fontsize=9)
                x += 2.5

    _write(path, draw)
    assert " ".join(block.text for block in _blocks(path)).split() == words * 12


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_turned_page_is_read_as_it_is_seen(path: Path, rotation: int) -> None:
    def draw(page: Any) -> None:
        page.insert_textbox((72, 120, 520, 600), WORDS, fontsize=11)
        page.set_rotation(rotation)

    _write(path, draw)
    document = parse_range(path, PDF, PageRange(1, 1))
    (page,) = document.pages
    assert (page.width < page.height) is (rotation in (0, 180))
    assert "telescope" in " ".join(block.text for block in document.blocks)
    for block in document.blocks:
        assert 0 <= block.box.x0 < block.box.x1 <= page.width
        assert 0 <= block.box.y0 < block.box.y1 <= page.height


def test_a_range_reads_the_same_alone_and_among_others(path: Path) -> None:
    _write(path, *(_body(f"Chapter {number}", str(number)) for number in (1, 2, 3, 4)))
    alone = [block for number in (4, 2, 1, 3) for block in parse_range(path, PDF, PageRange(number, number)).blocks]
    assert sorted(alone, key=lambda block: block.page) == list(_blocks(path))


def test_a_password_is_needed_only_to_open(path: Path) -> None:
    _write(path, _line("open"), encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="", owner_pw="owner")
    assert probe(path, PDF) == 1
    _write(path, _line("locked"), encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="user", owner_pw="owner")
    with pytest.raises(EncryptedFile):
        probe(path, PDF)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def _to_nothing(path: Path) -> None:
    path.write_bytes(b"")


def _to_the_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])


def _to_no_pages(path: Path) -> None:
    path.write_bytes(
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
        b"xref\n0 3\n0000000000 65535 f \n0000000009 00000 n \n0000000052 00000 n \n"
        b"trailer<</Size 3/Root 1 0 R>>\nstartxref\n98\n%%EOF\n"
    )


def _to_noise(path: Path) -> None:
    path.write_bytes(Random(1).randbytes(20_000))


def _without_sense(path: Path) -> None:
    path.write_bytes(b"%PDF-1.7\nthis is not a PDF\n%%EOF\n")


def _with_a_damaged_tree_of_pages(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"/Count 1", b"/Count -1"))


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (_cut, TruncatedFile),
        (_to_the_header, TruncatedFile),
        (_to_nothing, UnreadableFile),
        (_to_no_pages, UnreadableFile),
        (_to_noise, UnreadableFile),
        (_without_sense, UnreadableFile),
        (_with_a_damaged_tree_of_pages, UnreadableFile),
    ],
)
def test_damage_is_named(path: Path, damage: Callable[[Path], None], expected: type[CairnError]) -> None:
    _write(path, _body("header", "footer"))
    damage(path)
    with pytest.raises(expected):
        probe(path, PDF)


def _chapter(heading: str, body: str = WORDS) -> Make:
    def draw(page: Any) -> None:
        page.insert_text((72, 60), heading, fontsize=20, fontname="hebo")
        page.insert_textbox((72, 120, 520, 600), body, fontsize=11)

    return draw


def test_headings_of_chapters_on_pages_of_their_own_do_not_run(path: Path) -> None:
    _write(path, *(_chapter(f"{number} Lesson") for number in (1, 2, 3)))
    assert [block.text for block in _blocks(path) if block.level] == ["1 Lesson", "2 Lesson", "3 Lesson"]


def test_a_heading_of_one_word_does_not_run_because_the_next_page_says_the_word(path: Path) -> None:
    _write(path, _chapter("Night"), lambda page: page.insert_text((72, 60), WORDS[:70], fontsize=11))
    assert _blocks(path)[0].text == "Night"


def test_a_region_over_two_columns_is_read_column_by_column() -> None:
    def column(x: float) -> list[Word]:
        style = Style(10, False, False, False)
        cells = [(x + 80 * at, 20.0 * row, f"{x:.0f}/{row}/{at}") for row in range(4) for at in range(2)]
        return [Word(x, y, x + 40, y + 11, text, number, style) for number, (x, y, text) in enumerate(cells)]

    region = SimpleNamespace(boxclass="table", table=None, textlines=())
    left, right = column(50), column(300)
    found = [
        block
        for own, other in ((left, right), (right, left))
        for block, _ in pdf._by_network(own, other, [(region, Box(40, -5, 500, 90))], NO_RULES, 1)
    ]
    assert [[row[0] for row in block.cells or ()] for block in found] == [
        [f"{x}/{row}/0" for row in range(4)] for x in (50, 300)
    ]
