"""The order of what was found, without a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from pipelines.domain.answers import Place, Scores
from pipelines.query.fuse import BEST
from pipelines.query.rerank import rerank

Row = tuple[str, int, int, float]  # version, ordinal, page, fused score


def _order(rows: Sequence[Row], named: Mapping[str, float], limit: int) -> list[tuple[str, Scores]]:
    places = {f"{version}-{ordinal}": Place(version, ordinal, page) for version, ordinal, page, _ in rows}
    fused = [(chunk_id, Scores(fused=row[3])) for chunk_id, row in zip(places, rows, strict=True)]
    return rerank(fused, places, named, limit)


def _ids(best: Sequence[tuple[str, Scores]]) -> list[str]:
    return [chunk_id for chunk_id, _ in best]


def test_documents_that_the_question_names_come_first() -> None:
    found = [("other", 1, 1, 0.030), ("named", 1, 1, 0.020)]
    assert _ids(_order(found, {}, 2)) == ["other-1", "named-1"]
    assert _ids(_order(found, {"named": 0.8, "other": 0.1}, 2)) == ["named-1", "other-1"]
    assert _ids(_order(found, {"named": 0.1}, 2)) == ["other-1", "named-1"]


def test_a_word_of_a_title_does_not_hide_what_is_far_better() -> None:
    titled = [("named", number, number, 0.012) for number in range(1, 11)]
    found = [("other", 1, 4, 0.030), *titled]
    assert "other-1" in _ids(_order(found, {"named": 1.0}, 8))[:5]
    assert "other-1" not in _ids(_order([("other", 1, 4, 0.015), *titled], {"named": 1.0}, 8))  # not by far
    assert _ids(_order(found, {"named": 1.0}, 1)) == ["other-1"]


def test_what_else_stands_on_its_page_supports_a_passage() -> None:
    found = [("a", 5, 5, 0.0200), ("b", 5, 5, 0.0199), ("b", 9, 5, 0.0100), ("c", 1, 2, 0.0010)]
    assert _ids(_order(found, {}, 2)) == ["b-5", "a-5"]


def test_what_the_passages_beside_it_support_comes_first() -> None:
    found = [("a", 5, 5, 0.0200), ("b", 5, 5, 0.0199), ("b", 6, 6, 0.0100)]
    assert _ids(_order(found, {}, 3)) == ["b-5", "a-5", "b-6"]


def test_one_page_does_not_take_all_places() -> None:
    found = [*(("a", number, 3, 0.0300) for number in (1, 10, 20)), ("b", 1, 7, 0.0200)]
    assert _ids(_order(found, {}, 2)) == ["a-1", "b-1"]


def test_a_document_without_pages_may_take_several_places() -> None:
    found = [*(("a", number, 1, 0.0300) for number in (1, 10, 20)), ("b", 1, 7, 0.0200)]
    assert _ids(_order(found, {}, 3)) == ["a-1", "a-10", "a-20"]


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 30), st.integers(1, 9), st.floats(0, BEST)),
        unique_by=lambda each: each[:2],
    ),
    st.dictionaries(st.sampled_from("abc"), st.floats(0, 1)),
    st.integers(0, 40),
)
def test_it_is_an_order_of_the_same_chunks(rows: list[Row], named: dict[str, float], limit: int) -> None:
    best = _order(rows, named, limit)
    assert set(_ids(best)) <= {f"{version}-{ordinal}" for version, ordinal, _, _ in rows}
    assert len(best) == min(limit, len(rows)) == len(set(_ids(best)))
    scores = [found.rerank or 0.0 for _, found in best]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1.0001 for score in scores)
