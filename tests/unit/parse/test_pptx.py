"""Presentations: slides as an audience sees them, with boxes in points."""

from __future__ import annotations

from pathlib import Path

import pptx
import pytest
from lxml import etree
from PIL import Image
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.opc.constants import CONTENT_TYPE
from pptx.opc.package import Part
from pptx.opc.packuri import PackURI
from pptx.util import Inches

from pipelines.domain.documents import Block, BlockKind, Box
from pipelines.domain.errors import UnreadableFile
from pipelines.ingest.parse import PPTX, PageRange, parse_range, probe

BLANK, TITLE_ONLY = 6, 5


def saved(deck: pptx.presentation.Presentation, folder: Path) -> Path:
    path = folder / "deck.pptx"
    deck.save(str(path))
    return path


def blocks_of(path: Path) -> tuple[Block, ...]:
    return parse_range(path, PPTX, PageRange(1, probe(path, PPTX))).blocks


def textbox(slide: pptx.slide.Slide, text: str, left: float, top: float) -> None:
    slide.shapes.add_textbox(Inches(left), Inches(top), Inches(3), Inches(0.5)).text_frame.text = text


def test_shapes_are_read_as_they_stand_and_the_title_first(tmp_path: Path) -> None:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[TITLE_ONLY])
    for text, left, top in (
        ("right below", 6, 5),
        ("left below", 1, 5),
        ("right above", 6, 3),
        ("left above", 1, 3),
    ):
        textbox(slide, text, left, top)
    slide.shapes.title.text = "The plan"
    found = blocks_of(saved(deck, tmp_path))
    assert [block.text for block in found] == ["The plan", "left above", "left below", "right above", "right below"]
    assert found[1].box == Box(72, 216, 288, 252)


def test_groups_tables_charts_and_descriptions_are_read(tmp_path: Path) -> None:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[BLANK])
    group = slide.shapes.add_group_shape()
    group.shapes.add_textbox(0, 0, Inches(2), Inches(1)).text_frame.text = "in a group"
    table = slide.shapes.add_table(3, 2, Inches(1), Inches(2), Inches(4), Inches(1)).table
    for line, texts in enumerate((("Land", "Sum"), ("Chile", "5"), ("", "7"))):
        for column, text in enumerate(texts):
            table.cell(line, column).text = text
    table.cell(1, 0).merge(table.cell(2, 0))
    data = CategoryChartData()
    data.categories = ["Q1", "Q2"]
    data.add_series("Sales", (1.5, None))
    slide.shapes.add_chart(XL_CHART_TYPE.LINE, Inches(1), Inches(4), Inches(4), Inches(2), data)
    picture = tmp_path / "dome.png"
    Image.new("RGB", (4, 4)).save(picture)
    added = slide.shapes.add_picture(str(picture), Inches(1), Inches(6.5))
    added._element.xpath(".//p:cNvPr")[0].set("descr", "The dome at night")
    found = {block.text if block.cells is None else block.cells for block in blocks_of(saved(deck, tmp_path))}
    assert {
        "in a group",
        "The dome at night",
        (("Land", "Sum"), ("Chile", "5"), ("Chile", "7")),
        (("", "Sales"), ("Q1", "1.5"), ("Q2", "")),
    } <= found


def test_a_hidden_slide_keeps_its_number_and_is_not_read(tmp_path: Path) -> None:
    deck = pptx.Presentation()
    for text in ("one", "two", "three"):
        textbox(deck.slides.add_slide(deck.slide_layouts[BLANK]), text, 1, 1)
    deck.slides[1]._element.set("show", "0")
    assert [(block.page, block.text) for block in blocks_of(saved(deck, tmp_path))] == [(1, "one"), (3, "three")]


def test_a_break_inside_a_paragraph_keeps_its_words_apart(tmp_path: Path) -> None:
    deck = pptx.Presentation()
    textbox(deck.slides.add_slide(deck.slide_layouts[BLANK]), "one\vtwo", 1, 1)
    assert [block.text for block in blocks_of(saved(deck, tmp_path))] == ["one two"]


def test_a_diagram_is_read(tmp_path: Path) -> None:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[BLANK])
    drawing = "http://schemas.openxmlformats.org/drawingml/2006/main"
    kind = "http://schemas.openxmlformats.org/drawingml/2006/diagram"
    data = f'<d:dataModel xmlns:d="{kind}" xmlns:a="{drawing}"><a:p><a:r><a:t>observe</a:t></a:r></a:p></d:dataModel>'
    part = Part(PackURI("/ppt/diagrams/data1.xml"), "application/xml", slide.part.package, data.encode())
    reference = slide.part.relate_to(part, f"{kind}Data")
    frame = slide.shapes.add_table(1, 1, 0, 0, Inches(1), Inches(1))._element
    graphic = frame.find(f".//{{{drawing}}}graphicData")
    graphic.clear()
    graphic.set("uri", kind)
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    graphic.append(etree.fromstring(f'<d:relIds xmlns:d="{kind}" xmlns:r="{relation}" r:dm="{reference}"/>'))
    assert [block.text for block in blocks_of(saved(deck, tmp_path))] == ["observe"]


def test_lists_and_notes(tmp_path: Path) -> None:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Steps"
    slide.placeholders[1].text = "observe\nreport"
    slide.notes_slide.notes_text_frame.text = "Speak slowly."
    assert [(block.kind, block.text) for block in blocks_of(saved(deck, tmp_path))] == [
        (BlockKind.HEADING, "Steps"),
        (BlockKind.LIST, "observe"),
        (BlockKind.LIST, "report"),
        (BlockKind.HEADING, "Speaker notes"),
        (BlockKind.PARAGRAPH, "Speak slowly."),
    ]


def test_every_box_lies_on_its_slide(tmp_path: Path) -> None:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[BLANK])
    for left, top in ((-5, -5), (0, 0), (9, 7), (50, 50)):
        textbox(slide, "somewhere", left, top)
    document = parse_range(saved(deck, tmp_path), PPTX, PageRange(1, 1))
    (page,) = document.pages
    for block in document.blocks:
        assert 0 <= block.box.x0 < block.box.x1 <= page.width
        assert 0 <= block.box.y0 < block.box.y1 <= page.height


def test_a_show_is_a_presentation(tmp_path: Path) -> None:
    deck = pptx.Presentation()
    textbox(deck.slides.add_slide(deck.slide_layouts[BLANK]), "one", 1, 1)
    deck.part._content_type = CONTENT_TYPE.PML_SLIDESHOW_MAIN
    assert [block.text for block in blocks_of(saved(deck, tmp_path))] == ["one"]


def test_a_presentation_without_slides_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile):
        probe(saved(pptx.Presentation(), tmp_path), PPTX)
