"""Presentations (.pptx), through python-pptx. A page is a slide, boxes are in points on it, and its title is a heading.

Shapes are read as they stand on the slide, not as they lie on top of one another. Hidden slides keep their number and
are not read, nor are headers, footers, numbers and dates that run. What the speaker notes comes after the slide.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from defusedxml.ElementTree import fromstring
from pptx.enum.shapes import MSO_SHAPE_TYPE, PP_PLACEHOLDER
from pptx.package import Package
from pptx.parts.presentation import PresentationPart

from pipelines.domain.documents import Block, BlockKind, Box, Page, ParsedDocument
from pipelines.domain.errors import UnreadableFile
from pipelines.ingest.parse import archive
from pipelines.ingest.parse.files import PageRange
from pipelines.ingest.parse.flow import DOCUMENT_TITLE, even
from pipelines.ingest.parse.grid import Span, spread
from pipelines.ingest.parse.reading_order import in_reading_order
from pipelines.ingest.parse.words import clean, markdown_table

_EMU_PER_POINT = 12_700
_TITLE_LEVEL, _NOTES_LEVEL = DOCUMENT_TITLE - 1, DOCUMENT_TITLE - 2
_NOTES = "Speaker notes"
_TITLES = (PP_PLACEHOLDER.TITLE, PP_PLACEHOLDER.CENTER_TITLE, PP_PLACEHOLDER.VERTICAL_TITLE)
_LISTS = (PP_PLACEHOLDER.BODY, PP_PLACEHOLDER.OBJECT, PP_PLACEHOLDER.VERTICAL_BODY, PP_PLACEHOLDER.VERTICAL_OBJECT)
_RUNNING = (PP_PLACEHOLDER.HEADER, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.SLIDE_NUMBER)
_DEEPEST_GROUP = 50
_LINE_BREAK = "\v"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"


def page_count(path: Path) -> int:
    with archive.opened(path):
        slides = len(_opened(path).slides)
    if not slides:
        raise UnreadableFile("The presentation has no slides.")
    return slides


def parse(path: Path, pages: PageRange) -> ParsedDocument:
    with archive.opened(path):
        presentation = _opened(path)
    width, height = (_points(side or 0) for side in (presentation.slide_width, presentation.slide_height))
    slides = list(presentation.slides)[pages.first - 1 : pages.last]
    read = [
        (Page(number, width, height), list(_slide(slide, number, width, height)))
        for number, slide in enumerate(slides, pages.first)
    ]
    return ParsedDocument(
        pages=tuple(page for page, _ in read),
        blocks=tuple(chain.from_iterable(blocks for _, blocks in read)),
        title=clean(presentation.core_properties.title or "") or None,
        paper=False,
    )


def _opened(path: Path) -> Any:
    """Also shows (.ppsx) and templates, which `pptx.Presentation` refuses."""
    part = Package.open(str(path)).main_document_part
    if not isinstance(part, PresentationPart):
        raise UnreadableFile("The file has no presentation in it.")
    return part.presentation


def _slide(slide: Any, number: int, width: float, height: float) -> Iterator[Block]:
    if slide._element.get("show") in ("0", "false"):
        return
    groups = [found for shape in _shapes(slide.shapes) if (found := list(_blocks(shape, number, width, height)))]
    titles = [found for found in groups if found[0].kind is BlockKind.HEADING]
    others = [found for found in groups if found[0].kind is not BlockKind.HEADING]
    yield from chain.from_iterable([*titles, *in_reading_order(others, lambda found: found[0].box)])
    if slide.has_notes_slide and (frame := slide.notes_slide.notes_text_frame) is not None:
        whole = Box(0.0, 0.0, width, height)
        notes = _paragraphs(frame)
        for kind, text in (
            [(BlockKind.HEADING, _NOTES), *((BlockKind.PARAGRAPH, text) for text in notes)] if notes else []
        ):
            yield Block(kind, text, number, whole, level=_NOTES_LEVEL if kind is BlockKind.HEADING else None)


def _shapes(shapes: Any, depth: int = 0) -> Iterator[Any]:
    """Without groups: what is in them."""
    if depth > _DEEPEST_GROUP:
        raise UnreadableFile("The groups of a slide are nested too deep.")
    for shape in shapes:
        if shape.shape_type == MSO_SHAPE_TYPE.GROUP:
            yield from _shapes(shape.shapes, depth + 1)
        else:
            yield shape


def _blocks(shape: Any, page: int, width: float, height: float) -> Iterator[Block]:
    kind = shape.placeholder_format.type if shape.is_placeholder else None
    if kind in _RUNNING or shape._element.xpath(".//p:cNvPr[@hidden='1' or @hidden='true']"):
        return
    box = _box(shape, width, height)
    if getattr(shape, "has_table", False):
        yield from _table(shape.table, page, box)
    elif getattr(shape, "has_chart", False):
        yield from _chart(shape.chart, page, box)
    elif shape.has_text_frame:
        texts = _paragraphs(shape.text_frame)
        if kind in _TITLES and texts:
            yield Block(BlockKind.HEADING, " ".join(texts), page, box, level=_TITLE_LEVEL)
        else:
            listed = kind in _LISTS and len(texts) > 1
            yield from (Block(BlockKind.LIST if listed else BlockKind.PARAGRAPH, text, page, box) for text in texts)
    elif diagram := shape._element.xpath(".//*[local-name()='relIds']/@*[local-name()='dm']"):
        yield from (
            Block(BlockKind.LIST, text, page, box) for text in _diagram(shape.part.related_part(str(diagram[0])).blob)
        )
    elif text := clean(_alternative(shape)):
        yield Block(BlockKind.FIGURE, text, page, box)


def _box(shape: Any, width: float, height: float) -> Box:
    """On the slide; a shape without a place of its own has the whole slide."""
    sides = (shape.left, shape.top, shape.width, shape.height)
    if any(side is None for side in sides):
        return Box(0.0, 0.0, width, height)
    x0, y0, wide, high = map(_points, sides)
    x1, y1 = min(x0 + max(wide, 1.0), width), min(y0 + max(high, 1.0), height)
    return Box(max(0.0, min(x0, x1 - 1)), max(0.0, min(y0, y1 - 1)), max(x1, 1.0), max(y1, 1.0))


def _points(emu: int) -> float:
    return round(emu / _EMU_PER_POINT, 2)


def _paragraphs(frame: Any) -> list[str]:
    return [text for each in frame.paragraphs if (text := clean(each.text.replace(_LINE_BREAK, " ")))]


def _diagram(data: bytes) -> Iterator[str]:
    """What stands in the shapes of a SmartArt diagram."""
    for paragraph in fromstring(data).iter(f"{_A}p"):
        if text := clean("".join(each.text or "" for each in paragraph.iter(f"{_A}t"))):
            yield text


def _table(table: Any, page: int, box: Box) -> Iterator[Block]:
    rows = [
        [
            Span(cell.text.replace(_LINE_BREAK, " "), cell.span_width, cell.span_height)
            for cell in row.cells
            if not cell.is_spanned
        ]
        for row in table.rows
    ]
    if cells := even(spread(rows)):
        yield Block(BlockKind.TABLE, markdown_table(cells), page, box, cells=cells)


def _chart(chart: Any, page: int, box: Box) -> Iterator[Block]:
    """The numbers that a chart was drawn from, as a table: a row for each category."""
    if chart.has_title and chart.chart_title.has_text_frame and (title := clean(chart.chart_title.text_frame.text)):
        yield Block(BlockKind.FIGURE, title, page, box)
    for plot in _plots(chart):
        series = list(plot.series)
        header = ["", *(str(each.name) for each in series)]
        values = [list(each.values) for each in series]
        rows = [
            [str(category), *(_number(column[line]) if line < len(column) else "" for column in values)]
            for line, category in enumerate(plot.categories)
        ]
        if rows and (cells := even([header, *rows])):
            yield Block(BlockKind.TABLE, markdown_table(cells), page, box, cells=cells)


def _plots(chart: Any) -> list[Any]:
    try:
        return list(chart.plots)
    except ValueError:  # of a kind that python-pptx does not know: the slide is worth reading without
        return []


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.15g}"


def _alternative(shape: Any) -> str:
    """What the author says of a picture to those who cannot see it."""
    found = shape._element.xpath(".//p:cNvPr/@descr")
    return str(found[0]) if found else ""
