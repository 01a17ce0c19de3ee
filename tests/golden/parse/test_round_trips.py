"""What is written into a file of each type is found again, word for word, in a chunk that names its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from pipelines.domain.documents import PageBox, ParsedDocument
from pipelines.ingest.chunk import CHUNKER, canonical_text, chunk
from pipelines.ingest.chunk.pieces import block_spans
from pipelines.ingest.normalise import normalise
from pipelines.ingest.parse import detect_media_type, parse_range, plan_ranges, probe
from pipelines.ingest.parse.mupdf import pymupdf
from tests.fakes.scans import OCR, needs_ocr
from tests.golden.parse import writers
from tests.golden.parse.sample import Passage

WRITERS: dict[str, Callable[[Path], list[Passage]]] = {
    ".md": writers.write_markdown,
    ".txt": writers.write_text,
    ".pdf": writers.write_pdf,
    ".html": writers.write_html,
    ".docx": writers.write_docx,
    ".xlsx": writers.write_xlsx,
    ".csv": writers.write_csv,
    ".pptx": writers.write_pptx,
    ".epub": writers.write_epub,
    ".eml": writers.write_eml,
    ".scan.tiff": writers.write_tiff,
    ".scan.pdf": writers.write_scanned_pdf,
    ".scan.jpg": writers.write_jpeg,
}


FILES = [pytest.param(suffix, marks=needs_ocr) if ".scan" in suffix else suffix for suffix in WRITERS]


def count_words(texts: Sequence[str]) -> list[int]:
    return [len(re.findall(r"\w{1,8}|[^\w\s]", text)) for text in texts]


def read(path: Path, size: int = 16) -> ParsedDocument:
    media_type = detect_media_type(path, path.name)
    ranges = plan_ranges(probe(path, media_type, OCR), size)
    return normalise([parse_range(path, media_type, pages, OCR) for pages in ranges])


def headings_at(document: ParsedDocument, place: int) -> tuple[str, ...]:
    """What stands over a character of the canonical text, outermost first."""
    headings: list[tuple[int, str]] = []
    for block, (start, _) in zip(document.blocks, block_spans(document.blocks), strict=True):
        if start > place:
            break
        if block.level is not None:
            headings = [*((level, text) for level, text in headings if level < block.level), (block.level, block.text)]
    return tuple(text for _, text in headings)


@pytest.mark.parametrize("suffix", FILES)
def test_every_passage_is_in_a_chunk_with_its_page_and_headings(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"manual{suffix}"
    passages = WRITERS[suffix](path)
    document = read(path)
    chunks = chunk(document, version_id="ver_1", chunker=CHUNKER, count_tokens=count_words)
    assert len(passages) == 20
    for passage in passages:
        (holder,) = [each for each in chunks if passage.text in each.text]
        start = canonical_text(document).index(passage.text)
        assert headings_at(document, start) == passage.headings
        # A chunk of several sections is under what they share; of a table's later rows, also under its columns.
        assert {heading for heading in holder.heading_path if " | " not in heading} <= set(passage.headings)
        (region,) = [each for each in holder.regions if each.start <= start < each.end]
        assert region.page == passage.page


def squeezed(text: str) -> str:
    return "".join(re.findall(r"\w+", text.lower()))


def read_back(path: Path, place: PageBox) -> str:
    """What stands in a box of a page, cut out: its text, or what Tesseract makes of its picture."""
    with pymupdf.open(path) as document:
        page = document[place.page - 1]
        x0, y0, x1, y1 = place.box
        area = pymupdf.Rect(x0 - 2, y0 - 2, x1 + 2, y1 + 2)
        if page.get_text().strip():
            return str(page.get_textbox(area))
        picture = page.get_pixmap(dpi=300, clip=area, alpha=False)
        assert OCR is not None
        with pymupdf.open("pdf", picture.pdfocr_tobytes(language="eng", tessdata=OCR.tessdata)) as scan:
            return str(scan[0].get_text())


@pytest.mark.parametrize("suffix", [".pdf", pytest.param(".scan.pdf", marks=needs_ocr)])
def test_the_box_of_each_passage_cut_out_and_read_back_says_it(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"manual{suffix}"
    passages = WRITERS[suffix](path)
    document = read(path)
    chunks = chunk(document, version_id="ver_1", chunker=CHUNKER, count_tokens=count_words)
    said: dict[PageBox, str] = {}
    for passage in passages:
        start = canonical_text(document).index(passage.text)
        (region,) = [each for part in chunks for each in part.regions if each.start <= start < each.end]
        place = PageBox(region.page, region.box)
        if place not in said:
            said[place] = squeezed(read_back(path, place))
        assert squeezed(passage.text) in said[place]


@pytest.mark.parametrize("suffix", FILES)
def test_a_page_is_the_same_whatever_others_are_asked_for(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"manual{suffix}"
    WRITERS[suffix](path)
    assert read(path, 1) == read(path)
