from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipelines.query.claims import Claim, ClaimBuffer

TEXT = st.lists(
    st.sampled_from(
        ["Leave is 28 days", "See Dr. Smith", "It is 3.5 %", ". ", "! ", " [1]", "[2, 3]", ".", "\n\n", " "]
    )
).map("".join)


def said(pieces: list[str]) -> list[Claim]:
    buffer = ClaimBuffer()
    found = [claim for piece in pieces for claim in buffer.add(piece)]
    return found + buffer.rest()


@given(TEXT, st.data())
def test_claims_do_not_depend_on_how_the_model_cuts_its_text(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)))))
    pieces = [text[first:last] for first, last in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert said(pieces) == said([text])


def test_markers_after_the_full_stop_belong_to_the_sentence_before() -> None:
    claims = said(list("Leave is 28 days. [1] [2] Notice is two weeks. [3]"))
    assert claims == [Claim("Leave is 28 days.", (1, 2)), Claim("Notice is two weeks.", (3,))]
