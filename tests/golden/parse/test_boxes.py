"""A block's box on its page, cut out and read back, holds the block's words: what a citation points at is there."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from app.cli.handbook import write
from pipelines.domain.documents import Block, BlockKind, ParsedDocument
from pipelines.ingest import parse
from pipelines.ingest.normalise import normalise
from pipelines.ingest.parse.mupdf import pymupdf
from pipelines.ingest.parse.words import clean

ROOT = Path(__file__).parents[3]
FILINGS = Path(os.environ.get("CAIRN_TEST_DATA", ROOT / "../shared/data")) / "financebench"
PAGES = parse.PageRange(20, 27)


def squeezed(text: str) -> str:
    return "".join(re.findall(r"\w+", clean(text).lower()))


def cut_out(path: Path, block: Block) -> str:
    with pymupdf.open(path) as document:
        page = document[block.page - 1]
        page.remove_rotation()
        x0, y0, x1, y1 = block.box
        area = pymupdf.Rect(x0 - 1, y0 - 1, x1 + 1, y1 + 1)
        words = [
            each
            for each in page.get_text("words")
            if pymupdf.Point((each[0] + each[2]) / 2, (each[1] + each[3]) / 2) in area
        ]
        return squeezed(" ".join(each[4] for each in sorted(words, key=lambda each: each[5:])))


def check(path: Path, document: ParsedDocument) -> int:
    """How many blocks were read back; each holds its words."""
    blocks = [block for block in document.blocks if len(block.text) > 30 and not block.continues]
    for block in blocks:
        found = cut_out(path, block)
        if block.kind is BlockKind.PARAGRAPH:
            assert squeezed(block.text) in found, block.text
        else:
            missing = [word for word in re.findall(r"\w{3,}", block.text) if word.lower() not in found]
            assert len(missing) <= 0.1 * len(block.text.split()), (block.text, missing)  # broken words are mended
    return len(blocks)


def test_boxes_of_the_handbook(tmp_path: Path) -> None:
    path = tmp_path / "handbook.pdf"
    write(path)
    document = normalise([parse.parse_range(path, parse.PDF, parse.PageRange(1, 2))])
    assert check(path, document) >= 20


@pytest.mark.skipif(not FILINGS.is_dir(), reason="no filings: see CAIRN_TEST_DATA")
@pytest.mark.parametrize("name", ["3M_2018_10K", "BOEING_2022_10K", "JPMORGAN_2021Q1_10Q"])
def test_boxes_of_filings(name: str) -> None:
    path = FILINGS / f"{name}.pdf"
    document = normalise([parse.parse_range(path, parse.PDF, PAGES)])
    assert check(path, document) >= 20
