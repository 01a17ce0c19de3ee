"""Where a reader would say that a sentence ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sentences import sentences


@pytest.mark.parametrize(
    "parts",
    [
        ["Sales rose.", "Costs fell."],
        ["Dr. J. R. Smith of Acme Inc. Holdings paid $3.5 million.", "He left."],
        ["It grew, e.g. Asia, by 4.2 % vs. 2021.", "Why?", "Nobody knows!"],
        ["He said “Stop.”", "She did (at once.)", "End"],
        ["See Fig. 3 and No. 7 of Sec. 2.", "Done."],
        ["In the U.S. Treasury market.", "Next."],
        ["Wait... for it.", "Now."],
        ["今天很好。", "明天呢？", "好！"],
        ["First line\nof a sentence.", "Second."],
    ],
)
def test_sentences(parts: list[str]) -> None:
    joint = "" if parts[0].endswith("。") else " "
    text = joint.join(parts)
    assert [text[start:end] for start, end in sentences(text)] == parts


@given(st.text(alphabet="aB.!?。 \n\"')1", max_size=80))
def test_no_character_is_lost(text: str) -> None:
    spans = list(sentences(text))
    outside = [0, *(end for _, end in spans)], [*(start for start, _ in spans), len(text)]
    assert all(not text[left:right].strip() for left, right in zip(*outside, strict=True))
    assert all(text[start:end] == text[start:end].strip() != "" for start, end in spans)
