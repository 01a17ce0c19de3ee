"""A quote stands where its words do, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.domain.documents import Box, Word
from pipelines.query.verify import BAR, Place, similarity, stands

PARAGRAPH = Box(72, 100, 300, 160)
TABLE = Box(72, 200, 300, 260)


def _lines(box: Box, *lines: str) -> list[Word]:
    """Words on lines from the top of a box, as a PDF gives them."""
    found = []
    for row, line in enumerate(lines):
        said = line.split()
        width = (box.x1 - box.x0) / max(1, len(said))
        y = box.y0 + 15 * row
        found += [
            Word(text, Box(box.x0 + at * width, y, box.x0 + (at + 1) * width - 2, y + 10))
            for at, text in enumerate(said)
        ]
    return found


PAGE = [
    *_lines(PARAGRAPH, "Employees get 28 days of paid", "leave each year. The infor-", "mation desk knows more."),
    *_lines(TABLE, "Expense Limit", "Hotel, per night 140 EUR", "Taxi, per trip 35 EUR"),
]


@pytest.mark.parametrize(
    ("quote", "box"),
    [
        ("Employees get 28 days of paid leave each year.", PARAGRAPH),
        ("The information desk knows more.", PARAGRAPH),
        ("| Hotel, per night | 140 EUR |", TABLE),
        ("| Taxi, per trip | 35 EUR |", TABLE),
        ("Employees get <NUMBER_1> days of paid leave each year.", PARAGRAPH),
        ("<PERSON_1> get 28 days of <KIND_****8891>", PARAGRAPH),
    ],
)
def test_a_quote_stands_where_it_was_taken_from(quote: str, box: Box) -> None:
    assert stands(Place(1, box, quote), PAGE)


@pytest.mark.parametrize(
    ("quote", "box"),
    [
        ("Employees get 28 days of paid leave each year.", TABLE),
        ("| Hotel, per night | 140 EUR |", PARAGRAPH),
        ("| Hotel, per night | 35 EUR |", PARAGRAPH),
        ("Employees get 29 days of paid leave each year.", PARAGRAPH),
        ("Employees get 8 days of paid leave each year.", PARAGRAPH),
        ("Contractors receive <NUMBER_1> days of unpaid holiday per quarter.", PARAGRAPH),
        ("Employees get 28 days of paid leave each year.", Box(300, 400, 500, 440)),
    ],
)
def test_it_does_not_stand_anywhere_else(quote: str, box: Box) -> None:
    assert not stands(Place(1, box, quote), PAGE)


def test_cells_of_several_lines_stand_beside_each_other() -> None:
    words = [
        *_lines(Box(72, 100, 200, 130), "Net cash used in", "investing activities"),
        *_lines(Box(210, 107, 300, 120), "(5,363) (4,869)"),
    ]
    assert similarity("| Net cash used in investing activities | (5,363) | (4,869) |", words) >= BAR


def test_figures_must_all_be_there() -> None:
    words = _lines(PARAGRAPH, "Sales of the whole group in all regions of the world rose by 11 percent")
    assert similarity("Sales of the whole group in all regions of the world rose by 11 percent", words) == 1
    assert similarity("Sales of the whole group in all regions of the world rose by 12 percent", words) == 0


SAID = "leave 28 28.5 days hotel per night ﬁne naïve 140 EUR a the of U.S. x-ray"
WORDS = st.lists(st.sampled_from(SAID.split()), min_size=1)


@given(WORDS, st.integers(0, 20), st.integers(1, 20))
def test_any_run_of_words_stands_among_them(said: list[str], first: int, count: int) -> None:
    words = _lines(PARAGRAPH, *(" ".join(said[at : at + 5]) for at in range(0, len(said), 5)))
    quote = " ".join(said[first : first + count]) or said[0]
    assert similarity(quote, words) == 1


@given(WORDS, WORDS)
def test_a_figure_that_is_not_there_is_never_found(said: list[str], quoted: list[str]) -> None:
    words = _lines(PARAGRAPH, " ".join(said))
    assert similarity(" ".join([*quoted, "777"]), words) == 0
