"""Blocks are read as a person reads them."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from pipelines.domain.documents import Box
from pipelines.ingest.parse.reading_order import in_reading_order


def _read(boxes: dict[str, Box]) -> str:
    return "".join(in_reading_order(sorted(boxes), boxes.__getitem__))


def test_columns_are_read_one_after_the_other() -> None:
    page = {
        "t": Box(50, 40, 550, 70),
        "a": Box(50, 100, 290, 200),
        "b": Box(50, 210, 290, 400),
        "c": Box(310, 100, 550, 150),
        "d": Box(310, 160, 550, 400),
    }
    assert _read(page) == "tabcd"


def test_a_gap_across_both_columns_does_not_end_them() -> None:
    page = {
        "a": Box(50, 100, 290, 200),
        "b": Box(50, 260, 290, 400),
        "c": Box(310, 100, 550, 200),
        "d": Box(310, 260, 550, 400),
    }
    assert _read(page) == "abcd"


def test_what_runs_over_both_columns_ends_them() -> None:
    page = {
        "a": Box(50, 100, 290, 200),
        "b": Box(310, 100, 550, 200),
        "m": Box(50, 220, 550, 300),
        "x": Box(50, 320, 290, 400),
        "y": Box(310, 320, 550, 400),
    }
    assert _read(page) == "abmxy"


_coordinates = st.integers(0, 600)
_boxes = st.builds(
    lambda x, y, w, h: Box(x, y, x + w, y + h), _coordinates, _coordinates, st.integers(1, 300), st.integers(1, 300)
)


@given(st.lists(_boxes, max_size=25))
def test_nothing_is_lost_or_doubled(boxes: list[Box]) -> None:
    order = in_reading_order(range(len(boxes)), boxes.__getitem__)
    assert sorted(order) == list(range(len(boxes)))


@given(
    st.lists(_boxes, max_size=12, unique=True).flatmap(lambda boxes: st.tuples(st.just(boxes), st.permutations(boxes)))
)
def test_the_order_in_which_blocks_were_found_does_not_matter(case: tuple[list[Box], list[Box]]) -> None:
    found, otherwise = case
    assert in_reading_order(found, lambda box: box) == in_reading_order(otherwise, lambda box: box)


_heights = st.lists(st.integers(8, 120), min_size=2, max_size=8)


def _column(left: float, heights: list[int], gap: int) -> list[Box]:
    boxes, top = [], 100.0
    for height in heights:
        boxes.append(Box(left, top, left + 230, top + height))
        top += height + gap
    return boxes


@given(_heights, _heights, st.integers(0, 20), st.integers(0, 20), st.randoms())
def test_a_column_is_read_to_its_end_before_the_next(
    left: list[int], right: list[int], left_gap: int, right_gap: int, chance: Random
) -> None:
    columns = _column(50, left, left_gap), _column(300, right, right_gap)
    boxes = [*columns[0], *columns[1]]
    chance.shuffle(boxes)
    assert in_reading_order(boxes, lambda box: box) == [*columns[0], *columns[1]]
