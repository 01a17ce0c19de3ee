from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipelines.ports import Hit
from pipelines.query.fuse import fuse

RANKING = st.lists(st.sampled_from("abcdef"), unique=True).map(lambda ids: [Hit(id_, 1.0) for id_ in ids])


@given(RANKING, RANKING)
def test_the_order_of_the_rankings_does_not_matter(dense: list[Hit], keyword: list[Hit]) -> None:
    assert fuse({"dense": dense, "keyword": keyword}) == fuse({"keyword": keyword, "dense": dense})


@given(RANKING.filter(lambda hits: len(hits) > 1), RANKING, st.data())
def test_a_chunk_that_rises_in_one_ranking_never_falls(
    dense: list[Hit], keyword: list[Hit], data: st.DataObject
) -> None:
    at = data.draw(st.integers(1, len(dense) - 1))
    risen = [*dense[: at - 1], dense[at], dense[at - 1], *dense[at + 1 :]]

    def place(hits: list[Hit]) -> int:
        return [id_ for id_, _ in fuse({"dense": hits, "keyword": keyword})].index(dense[at].chunk_id)

    assert place(risen) <= place(dense)
