"""Plain text and Markdown: blocks, with the lines they stand on."""

from __future__ import annotations

from pathlib import Path

import pytest

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


def test_a_file_without_words_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile):
        _parse(tmp_path / "blank.txt", " \n\f\n", TEXT)
