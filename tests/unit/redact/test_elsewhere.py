"""A value that something gave away once is taken out wherever else it stands in the document."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipelines.domain.documents import Block, BlockKind, Box, Page, ParsedDocument
from pipelines.ingest.redact import STRICT_POLICY, redact, redact_text
from pipelines.ingest.redact.elsewhere import Elsewhere

KEY = b"k" * 32


def _document(
    *texts: str, title: str | None = None, cells: tuple[tuple[str, ...], ...] | None = None
) -> ParsedDocument:
    blocks = [Block(BlockKind.PARAGRAPH, text, 1, Box(0, 0, 1, 1)) for text in texts]
    if cells:
        markdown = "\n".join("| " + " | ".join(row) + " |" for row in cells)
        blocks.append(Block(BlockKind.TABLE, markdown, 1, Box(0, 0, 1, 1), cells=cells))
    return ParsedDocument((Page(1, 595, 842),), tuple(blocks), title)


def test_in_a_question() -> None:
    text, report = redact_text("Is G28570347 known? The passport number G28570347 was shown.", STRICT_POLICY, KEY)
    assert "G28570347" not in text
    assert sum(report.counts.values()) == 2


def test_before_after_in_the_title_and_in_cells() -> None:
    document = _document(
        "G28570347 came first.", "Passport number G28570347 was shown.", "Then G28570347 again, not G285703471.",
        title="On G28570347", cells=(("row", "G28570347"),),
    )  # fmt: skip
    redacted, _ = redact(document, STRICT_POLICY, KEY)
    everything = f"{redacted}"
    assert everything.replace("G285703471", "").count("G28570347") == 0
    assert "G285703471" in everything, "another number that begins alike stays"
    placeholder = redacted.blocks[0].text.split(" ")[0]
    assert redacted.title == f"On {placeholder}"
    assert redacted.blocks[3].cells == (("row", placeholder),)


def test_what_has_no_digit_or_is_short_is_not_looked_for() -> None:
    known = Elsewhere()
    known.learn("12-34", "<A>", "A")
    known.learn("Marta Kowalczyk", "<B>", "B")
    assert known.replace("12-34 and Marta Kowalczyk") == ("12-34 and Marta Kowalczyk", {})


@given(st.lists(st.text("ab1 (-+", min_size=6, max_size=9), max_size=4), st.text("ab1 (-+", max_size=60))
def test_nothing_that_stands_alone_is_left(values: list[str], text: str) -> None:
    known = Elsewhere()
    for value in values:
        known.learn(value.strip(), "<X>", "X")
    replaced, found = known.replace(text)
    assert replaced.count("<X>") == sum(found.values())
    assert known.replace(replaced)[0].count("<X>") >= replaced.count("<X>")
