"""Pages that are pictures: recognised by Tesseract, then analysed like any other page."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipelines.ingest.parse.mupdf import pymupdf
from pipelines.ingest.parse.ocr import FEW_CHARACTERS, Ocr

DPI = 300  # what Tesseract is made for
MOST_PIXELS = 40_000_000  # of a page as it is recognised: 22 inches square at 300 dpi
_LEAST_DPI = 70  # nothing smaller than a headline can be read of less
_LEAST_LETTERS = 0.6  # of the characters
_TWO_LETTERS = re.compile(r"[^\W_]{2}")
_TABLE_MARKS = re.compile(r"[\s|-]+")
_MOST_OF_PAGE = 0.5  # of its area, under pictures


def is_scan(page: Any) -> bool:
    """Whether what the page says is, as far as can be told, in pictures: it shows something, and hardly any text."""
    characters = len("".join(page.get_text().split()))
    if characters >= FEW_CHARACTERS or dpi_of(page) < _LEAST_DPI:
        return False
    drawn = [(kind, pymupdf.Rect(box) & page.rect) for kind, box in page.get_bboxlog()]
    if characters == 0:
        return bool(drawn)
    pictures = sum(abs(box) for kind, box in drawn if "image" in kind)
    return bool(pictures >= _MOST_OF_PAGE * abs(page.rect))


def is_legible(text: str) -> bool:
    """Whether it may be words: Tesseract makes marks of the lines and shadows of a drawing."""
    marks = _TABLE_MARKS.sub("", text)
    return bool(_TWO_LETTERS.search(text)) and sum(map(str.isalnum, marks)) >= _LEAST_LETTERS * len(marks)


def dpi_of(page: Any, wanted: float = DPI) -> float:
    """As wanted, or as many as MOST_PIXELS allow."""
    inches = max(page.rect.width * page.rect.height, 1.0) / 72**2
    return min(wanted, math.sqrt(MOST_PIXELS / inches))


@contextmanager
def recognised(page: Any, ocr: Ocr, dpi: float) -> Iterator[Any]:
    """A document of one page, of the same size, which has its words as text."""
    whole = max(1, int(dpi))
    pixels = page.get_pixmap(dpi=whole, alpha=False)
    pixels.set_dpi(whole, whole)
    data = pixels.pdfocr_tobytes(compress=False, language=ocr.languages, tessdata=ocr.tessdata)
    del pixels
    with pymupdf.open(stream=data, filetype="pdf") as document:
        yield document
