"""Redaction of whole documents."""

from pipelines.domain.documents import Block, BlockKind, Box, Page, ParsedDocument
from pipelines.ingest.redact import DEFAULT_POLICY, redact

KEY = b"a tenant's key of thirty-2 bytes"
BOX = Box(0, 0, 100, 10)


def document(*blocks: Block, title: str | None = None) -> ParsedDocument:
    return ParsedDocument((Page(1, 612, 792),), blocks, title)


def paragraph(text: str) -> Block:
    return Block(BlockKind.PARAGRAPH, text, 1, BOX)


def test_a_value_has_one_placeholder_in_title_blocks_and_tables() -> None:
    table = Block(
        BlockKind.TABLE,
        "| Who | Phone |\n|---|---|\n| Ada | 905-674-3793 |\n| Bob | 212-555-0100 |",
        1,
        BOX,
        cells=(("Who", "Phone"), ("Ada", "905-674-3793"), ("Bob", "212-555-0100")),
    )
    result, report = redact(
        document(paragraph("Call +1 212 555 0100."), table, title="List of (905) 674-3793"), DEFAULT_POLICY, KEY
    )
    assert result.title == "List of <PHONE_1>"
    assert result.blocks[0].text == "Call <PHONE_2>."
    assert result.blocks[1].text == "| Who | Phone |\n|---|---|\n| Ada | <PHONE_1> |\n| Bob | <PHONE_2> |"
    assert result.blocks[1].cells == (("Who", "Phone"), ("Ada", "<PHONE_1>"), ("Bob", "<PHONE_2>"))
    assert report.counts == {"PHONE_NUMBER": 4}


def test_a_table_shows_the_same_in_cells_and_markdown() -> None:
    # In the cells the header is out of the context's reach, in Markdown it is near.
    cells = (("SSN",), ("219099999",))
    result, _ = redact(
        document(Block(BlockKind.TABLE, "| SSN |\n|---|\n| 219099999 |", 1, BOX, cells=cells)), DEFAULT_POLICY, KEY
    )
    (block,) = result.blocks
    assert block.cells is not None
    assert "219099999" not in block.text
    assert block.cells[1][0] in block.text
    assert block.cells[1][0].startswith("<SSN_")


def test_layout_and_clean_blocks_stay_as_they_were() -> None:
    clean = paragraph("Net sales were $34,229 million.")
    table = Block(BlockKind.TABLE, "| a | |\n|---|---|", 1, BOX, cells=(("a", ""),))
    result, report = redact(document(clean, table), DEFAULT_POLICY, KEY)
    assert result == document(clean, table)
    assert report.counts == {}


def test_an_empty_document_is_redacted() -> None:
    assert redact(document(), DEFAULT_POLICY, KEY)[0] == document()
