"""Lines of a page become running text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ingest.parse.words import clean, join, markdown_table


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["The obser-", "vatory is open."], "The observatory is open."),
        (["The obser\u00ad", "vatory is open."], "The observatory is open."),
        (["soft\u00adly inside"], "softly inside"),
        (["Made in Baden-", "Württemberg"], "Made in Baden-Württemberg"),
        (["in 2021-", "2022"], "in 2021-2022"),
        (["night-", "and daytime"], "night- and daytime"),
        (["the years 2021 -", "and after"], "the years 2021 - and after"),
        (["of\ufb01ce  and \ufb02oor"], "office and floor"),
        (["a", "", "  ", "b"], "a b"),
    ],
)
def test_lines_become_text(lines: list[str], expected: str) -> None:
    assert join(lines) == expected


@given(st.text())
def test_clean_text_is_one_line_and_stays_as_it_is(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert not set(once) & set("\r\n\t\f\x00")


def test_a_bar_in_a_cell_does_not_make_a_column() -> None:
    assert markdown_table([("a", "b"), ("1|2", "3")]) == "| a | b |\n| --- | --- |\n| 1\\|2 | 3 |"


@given(st.lists(st.text(st.sampled_from("ab cd.,|_*`#\u00df\u4e16"), max_size=12), max_size=6))
def test_lines_lose_no_character_but_space(lines: list[str]) -> None:
    assert join(lines).split() == " ".join(lines).split()


@given(st.lists(st.text(max_size=12), max_size=6))
def test_joined_lines_are_clean(lines: list[str]) -> None:
    text = join(lines)
    assert clean(text) == text
    assert "\u00ad" not in text


@given(
    st.lists(st.lists(st.sampled_from(["a", "", "x|y", "||", "john_doe", "1*2"]), min_size=3, max_size=3), min_size=1)
)
def test_a_table_in_markdown_reads_back_as_it_was(cells: list[list[str]]) -> None:
    header, rule, *rows = (
        [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in markdown_table(cells).splitlines()
    )
    assert [header, *rows] == cells
    assert rule == ["---"] * 3
