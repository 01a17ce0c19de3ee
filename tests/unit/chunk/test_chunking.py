"""What a chunk promises to search, to citations and to the embedder."""

import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.domain.chunks import Chunk
from pipelines.domain.documents import Block, BlockKind, Box, Page, ParsedDocument
from pipelines.domain.errors import ConfigurationError
from pipelines.ingest.chunk import CHUNKER, CHUNKERS, canonical_text, chunk

READ = 254
TITLE = " ".join(["title"] * 32)


def count_words(texts: Sequence[str]) -> list[int]:
    """Words and marks, as a WordPiece tokeniser of a rich vocabulary counts them."""
    return [len(re.findall(r"\w{1,8}|[^\w\s]", text)) for text in texts]


def block(kind: BlockKind, text: str, page: int = 1, level: int | None = None) -> Block:
    return Block(kind, text, page, Box(0.0, float(len(text)), 100.0, float(len(text)) + 10), level)


def paragraph(words: int, page: int = 1, word: str = "word") -> Block:
    return block(BlockKind.PARAGRAPH, " ".join(f"{word}." if n % 10 == 9 else word.title() for n in range(words)), page)


def heading(text: str, level: int) -> Block:
    return block(BlockKind.HEADING, text, level=level)


def chunks_of(*blocks: Block, chunker: str = "layout-200-1") -> list[Chunk]:
    document = ParsedDocument(tuple(Page(n, 612, 792) for n in range(1, 4)), blocks)
    return chunk(document, version_id="ver_1", chunker=chunker, count_tokens=count_words)


def test_short_neighbours_share_a_chunk_and_its_regions_name_their_pages() -> None:
    (only,) = chunks_of(paragraph(30), paragraph(30, page=2))
    assert (only.page_start, only.page_end) == (1, 2)
    assert [only.text[region.start : region.end] for region in only.regions] == only.text.split("\n\n")
    assert [region.page for region in only.regions] == [1, 2]


def test_sections_are_kept_apart_under_their_headings() -> None:
    first, second, third = chunks_of(
        heading("Report", 1),
        heading("Sales", 2),
        paragraph(120, word="sale"),
        heading("Costs", 2),
        paragraph(150, word="cost"),
        paragraph(150, word="cost"),
    )
    assert first.text.startswith("Report\n\nSales\n\nSale")
    assert first.heading_path == ()
    assert second.text.startswith("Costs\n\nCost")
    assert second.heading_path == ("Report",)
    assert third.heading_path == ("Report", "Costs")
    assert third.embedding_text("Annual").startswith("Annual > Report > Costs\nCost")


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    cut = chunks_of(paragraph(700))
    assert len(cut) == 4
    assert all(part.text.endswith("word.") for part in cut)
    assert max(part.token_count for part in cut) < 2 * min(part.token_count for part in cut)


def test_a_text_is_cut_where_its_topic_turns() -> None:
    bees = (
        "The hive holds honey. Bees carry pollen to the hive. A queen lays eggs in the hive. Workers guard the honey. "
    )
    steel = (
        "The furnace melts ore. Slag floats on molten steel. Rolling mills press the steel. Coke heats the furnace. "
    )
    first, second = chunks_of(block(BlockKind.PARAGRAPH, (bees * 3 + steel * 4).strip()), chunker="topics-130-1")
    assert "furnace" not in first.text
    assert "hive" not in second.text


def test_recursive_chunks_are_filled_whatever_the_layout() -> None:
    parts = chunks_of(paragraph(90), heading("Costs", 1), paragraph(90), paragraph(90), chunker="recursive-200-1")
    assert parts[0].token_count > 170
    assert "Costs" in parts[0].text


def test_later_parts_of_a_table_carry_its_columns() -> None:
    rows = "\n".join(f"| item {n} | {n} | {2 * n} |" for n in range(100))
    first, *rest = chunks_of(block(BlockKind.TABLE, f"| Item | 2022 | 2021 |\n|---|---|---|\n{rows}"))
    assert first.text.startswith("| Item | 2022 | 2021 |\n|---|---|---|\n| item 0 |")
    assert rest
    for part in rest:
        assert part.heading_path == ("Item | 2022 | 2021",)
        assert part.text.startswith("| item ")
        assert part.text.endswith(" |")


@pytest.mark.parametrize("caption", ["Table 4: Berths by month (EUR thousand)", "(in millions of dollars)"])
def test_parts_of_a_table_carry_its_caption_and_unit(caption: str) -> None:
    header = "| Item | 2022 |\n|---|---|\n"
    rows = [f"| item {n} | {n} |" for n in range(100)]
    table = block(BlockKind.TABLE, header + "\n".join(rows[:60]))
    rest = replace(block(BlockKind.TABLE, header + "\n".join(rows[60:]), page=2), continues=True)
    parts = chunks_of(paragraph(150), block(BlockKind.PARAGRAPH, caption), table, rest)
    holder = next(part for part in parts if part.text.startswith("| item 0 |") or "| item 0 |" in part.text)
    assert caption in holder.text
    later = [part for part in parts if "| item" in part.text and part is not holder]
    assert len(later) >= 3
    assert all(part.heading_path[0] == caption for part in later)


def test_a_caption_under_a_table_stays_with_its_end() -> None:
    rows = "\n".join(f"| item {n} | {n} |" for n in range(60))
    table = block(BlockKind.TABLE, f"| Item | 2022 |\n|---|---|\n{rows}")
    parts = chunks_of(table, block(BlockKind.PARAGRAPH, "Table 4: Berths"), paragraph(150))
    (holder,) = [part for part in parts if "Table 4: Berths" in part.text]
    assert "| item 59 |" in holder.text


def test_a_list_that_fits_stays_whole() -> None:
    items = "\n".join(f"- point {n} of the list" for n in range(20))
    parts = chunks_of(paragraph(150), block(BlockKind.LIST, items), paragraph(150))
    assert [part for part in parts if items in part.text]


def test_headings_without_a_text_are_not_lost() -> None:
    parts = chunks_of(heading("One", 1), heading("Two", 1), heading("Three", 1))
    assert "".join(part.text for part in parts).replace("\n", "") == "OneTwoThree"


def test_a_heading_longer_than_its_room_is_read_once() -> None:
    parts = chunks_of(heading(" ".join(["Long"] * 100), 1), paragraph(400))
    assert len(parts) > 1
    assert all(part.heading_path == () for part in parts[1:])


def test_the_same_document_gives_the_same_ids_and_another_version_others() -> None:
    blocks = [paragraph(300), heading("Costs", 1), paragraph(10)]
    assert chunks_of(*blocks) == chunks_of(*blocks)
    document = ParsedDocument((), tuple(blocks))
    other = chunk(document, version_id="ver_2", chunker="layout-200-1", count_tokens=count_words)
    assert not {part.id for part in other} & {part.id for part in chunks_of(*blocks)}


def test_repeated_text_keeps_its_own_place() -> None:
    same = paragraph(150)
    parts = chunks_of(same, same, same)
    assert [part.start for part in parts] == [0, len(same.text) + 2, 2 * len(same.text) + 4]
    assert len({part.id for part in parts}) == 3


def test_nothing_makes_no_chunks() -> None:
    assert chunks_of() == []
    assert chunks_of(block(BlockKind.FIGURE, " \n"), block(BlockKind.TABLE, "")) == []


def test_a_word_that_the_tokeniser_does_not_know_is_cut_all_the_same() -> None:
    document = ParsedDocument((), (paragraph(20), block(BlockKind.PARAGRAPH, "x" * 100_000), paragraph(20)))
    parts = chunk(document, version_id="v", chunker=CHUNKER, count_tokens=lambda texts: [len(t.split()) for t in texts])
    assert max(len(part.text) for part in parts) < 2_500


def test_an_unknown_chunker_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="sliding-1"):
        chunk(ParsedDocument((), ()), version_id="v", chunker="sliding-1", count_tokens=count_words)


def test_chunking_needs_no_network_and_leaves_llama_index_its_tokeniser() -> None:
    program = """
import socket
def refuse(*args): raise AssertionError("network used")
socket.socket.connect = socket.getaddrinfo = refuse
import workflows
from pipelines.domain.documents import *
from pipelines.ingest.chunk import *
block = Block(BlockKind.PARAGRAPH, "One. Two.", 1, Box(0, 0, 1, 1))
parts = chunk(ParsedDocument((), (block,)), version_id="v", chunker=CHUNKER, count_tokens=lambda texts: [1] * len(texts))
import sys, llama_index.core
print(parts[0].text, llama_index.core.global_tokenizer, sys.modules["workflows"] is workflows)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "One. Two. None True", done.stderr


WORDS = st.text(alphabet="aB1.!?| \n-中。", max_size=40)
BLOCKS = st.lists(
    st.builds(
        lambda kind, text, times, page, level: block(kind, text * times, page, level),
        st.sampled_from(list(BlockKind)),
        WORDS,
        st.sampled_from([1, 1, 1, 5, 60]),
        st.integers(1, 3),
        st.integers(1, 4),
    ),
    max_size=8,
)


@settings(deadline=None, max_examples=250)
@given(BLOCKS, st.sampled_from(list(CHUNKERS)))
def test_chunks_are_slices_that_cover_the_text_and_fit_the_embedder(blocks: list[Block], chunker: str) -> None:
    document = ParsedDocument((), tuple(blocks))
    text = canonical_text(document)
    parts = chunks_of(*blocks, chunker=chunker)
    covered = [False] * len(text)
    for ordinal, part in enumerate(parts):
        assert part.ordinal == ordinal
        assert text[part.start : part.end] == part.text == part.text.strip() != ""
        assert part.token_count == count_words([part.text])[0]
        assert count_words([part.embedding_text(TITLE)])[0] <= READ
        covered[part.start : part.end] = [True] * len(part.text)
        assert [region.start for region in part.regions] == sorted(region.start for region in part.regions)
        within = [False] * len(text)
        for region in part.regions:
            within[region.start : region.end] = [True] * (region.end - region.start)
        assert all(within[at] or text[at].isspace() for at in range(part.start, part.end))
    assert all(covered[at] or text[at].isspace() for at in range(len(text)))
    assert all(left.end <= right.start for left, right in pairwise(parts))


@pytest.mark.parametrize("chunker", CHUNKERS)
def test_a_chunker_aims_at_its_tokens(chunker: str) -> None:
    document = ParsedDocument((), (paragraph(1200),))
    parts = chunk(document, version_id="ver_1", chunker=chunker, count_tokens=count_words)
    mean = sum(part.token_count for part in parts) / len(parts)
    target = CHUNKERS[chunker].target_tokens
    assert abs(mean - target) < target / 4
    assert {part.chunker for part in parts} == {chunker}
