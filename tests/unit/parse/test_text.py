"""Plain text and Markdown: blocks, with the lines they stand on."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.domain.documents import BlockKind, Box, ParsedDocument
from pipelines.domain.errors import UnreadableFile
from pipelines.ingest.parse import MARKDOWN, TEXT, PageRange, parse_range, probe

NOTES = """# Field notes

The first obser-
vation was made at night.

## Instruments

- one telescope
- two cameras

| Name | Aperture |
| --- | --- |
| North | 2.5 m |

```python
print("clear sky")
```
"""


def _parse(path: Path, content: str | bytes, media_type: str) -> ParsedDocument:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return parse_range(path, media_type, PageRange(1, probe(path, media_type)))


def test_markdown_keeps_its_structure(tmp_path: Path) -> None:
    blocks = _parse(tmp_path / "notes.md", NOTES, MARKDOWN).blocks
    assert [(block.kind, block.text.splitlines()[0]) for block in blocks] == [
        (BlockKind.HEADING, "Field notes"),
        (BlockKind.PARAGRAPH, "The first observation was made at night."),
        (BlockKind.HEADING, "Instruments"),
        (BlockKind.LIST, "one telescope"),
        (BlockKind.LIST, "two cameras"),
        (BlockKind.TABLE, "| Name | Aperture |"),
        (BlockKind.CODE, 'print("clear sky")'),
    ]
    assert blocks[5].cells == (("Name", "Aperture"), ("North", "2.5 m"))


def test_a_box_says_which_lines(tmp_path: Path) -> None:
    blocks = _parse(tmp_path / "notes.md", NOTES, MARKDOWN).blocks
    lines = NOTES.split("\n")
    for block, words in ((blocks[1], "vation was made"), (blocks[5], "| North | 2.5 m |")):
        assert words in "\n".join(lines[int(block.box.y0) : int(block.box.y1)])


def test_a_form_feed_begins_a_page(tmp_path: Path) -> None:
    document = _parse(tmp_path / "two.txt", "first\n\fsecond\n", TEXT)
    assert [(block.page, block.text) for block in document.blocks] == [(1, "first"), (2, "second")]
    assert document.blocks[1].box == Box(0, 0, 6, 1)
    (second,) = parse_range(tmp_path / "two.txt", TEXT, PageRange(2, 2)).blocks
    assert second == document.blocks[1]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_common_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    (block,) = _parse(tmp_path / "letter.txt", "Grüße aus Köln – 5 €".encode(encoding), TEXT).blocks
    assert block.text == "Grüße aus Köln – 5 €"


@pytest.mark.parametrize("media_type", [MARKDOWN, TEXT])
def test_an_address_keeps_its_underscores(tmp_path: Path, media_type: str) -> None:
    (block,) = _parse(tmp_path / "mail", "Write to john_doe_2@example.org or snake_case_name.", media_type).blocks
    assert block.text == "Write to john_doe_2@example.org or snake_case_name."


def test_nested_lists_are_items_in_order(tmp_path: Path) -> None:
    nested = (
        "1. observe\n   - at night\n     - alone never\n   - by day\n2. report\n\n   within a week\n\nAfter the list.\n"
    )
    blocks = _parse(tmp_path / "notes.md", nested, MARKDOWN).blocks
    assert [block.text for block in blocks] == [
        "observe",
        "at night",
        "alone never",
        "by day",
        "report",
        "within a week",
        "After the list.",
    ]
    assert [block.kind for block in blocks] == [BlockKind.LIST] * 6 + [BlockKind.PARAGRAPH]


@pytest.mark.parametrize("fence", ["```", "~~~~", "```python title=x"])
def test_code_stays_as_it_is_written(tmp_path: Path, fence: str) -> None:
    code = "# no heading\n\n* no item\n    | a | b_c |\n<b>&amp;"
    close = fence[:4].rstrip("python")
    (block,) = _parse(tmp_path / "notes.md", f"{fence}\n{code}\n{close}\n", MARKDOWN).blocks
    assert (block.kind, block.text) == (BlockKind.CODE, code)


def test_marks_are_dropped_and_words_stay(tmp_path: Path) -> None:
    source = 'See **the [plan](https://example.org/p "t")** of `x_1`, ![a dome](d.png) \\*not\\* &amp; <i>then</i>.\\\nNext.\n'
    (block,) = _parse(tmp_path / "notes.md", source, MARKDOWN).blocks
    assert block.text == "See the plan of x_1, a dome *not* & then. Next."


def test_a_bar_in_a_cell_stays_in_it(tmp_path: Path) -> None:
    (block,) = _parse(tmp_path / "notes.md", "| a \\| b | c |\n| --- | --- |\n| 1 | 2 |\n", MARKDOWN).blocks
    assert block.cells == (("a | b", "c"), ("1", "2"))
    assert block.text.startswith("| a \\| b | c |")


def test_quotes_and_html_are_read(tmp_path: Path) -> None:
    blocks = _parse(tmp_path / "notes.md", "> Nobody works alone.\n\n<div>At <b>night</b>.</div>\n", MARKDOWN).blocks
    assert [block.text for block in blocks] == ["Nobody works alone.", "At night ."]


@pytest.mark.parametrize("media_type", [MARKDOWN, TEXT])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_is_one(tmp_path: Path, media_type: str, newline: str) -> None:
    blocks = _parse(tmp_path / "file", newline.join(["one", "two", "", "three", "\ffour"]), media_type).blocks
    assert [(block.page, block.text) for block in blocks] == [(1, "one two"), (1, "three"), (2, "four")]


@given(st.text(), st.sampled_from([MARKDOWN, TEXT]))
def test_any_text_is_read_or_refused_by_name(text: str, media_type: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "file")
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            count = probe(path, media_type)
        except UnreadableFile:
            return
        whole = parse_range(path, media_type, PageRange(1, count))
        apart = [parse_range(path, media_type, PageRange(page, page)) for page in range(1, count + 1)]
    assert whole.blocks == tuple(block for part in apart for block in part.blocks)
    assert whole.pages == tuple(page for part in apart for page in part.pages)
    for block in whole.blocks:
        page = whole.pages[block.page - 1]
        assert 0 <= block.box.y0 < block.box.y1 <= page.height
        assert block.text.strip()


def test_a_file_without_words_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile):
        _parse(tmp_path / "blank.txt", " \n\f\n", TEXT)


@pytest.mark.parametrize("media_type", [TEXT, MARKDOWN])
def test_lines_too_long_to_be_wrapped_are_paragraphs_of_their_own(tmp_path: Path, media_type: str) -> None:
    long = ["The first paragraph goes on. " * 10, "So does the second, `code` and all. " * 10]
    document = _parse(tmp_path / "long", "A title\n" + "\n".join(long) + "\n", media_type)
    assert [block.box.y0 for block in document.blocks] == [0, 1, 2]
    assert document.blocks[0].text == "A title"
    assert document.blocks[1].text == long[0].strip()


@pytest.mark.parametrize("media_type", [TEXT, MARKDOWN])
def test_wrapped_lines_are_one_paragraph(tmp_path: Path, media_type: str) -> None:
    (block,) = _parse(tmp_path / "wrapped", "Some lines\nthat end because\nthey are full.\n", media_type).blocks
    assert block.text == "Some lines that end because they are full."
    assert (block.box.y0, block.box.y1) == (0, 3)


def test_what_only_looks_like_a_tag_is_kept(tmp_path: Path) -> None:
    text = "Write to <name> of <b>your</b> team<br>or ask.\n"
    (block,) = _parse(tmp_path / "tags.md", text, MARKDOWN).blocks
    assert block.text == "Write to <name> of your teamor ask."
