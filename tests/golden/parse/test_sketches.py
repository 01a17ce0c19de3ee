"""The place of each passage, drawn and read back from the picture, says it: also of files that have no paper."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from rapidfuzz import fuzz

from pipelines.domain.documents import PageBox, ParsedDocument
from pipelines.domain.errors import PageNotFound
from pipelines.ingest.chunk import CHUNKER, canonical_text, chunk
from pipelines.ingest.parse import codec, detect_media_type, draw, sketch
from pipelines.ingest.parse.media_types import IMAGES, PDF
from tests.fakes.scans import needs_ocr
from tests.golden.parse.test_round_trips import WRITERS, count_words, read, squeezed

pytestmark = needs_ocr


def recognised(png: bytes) -> str:
    """What Tesseract reads where the marker went over a picture."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    pixels = np.asarray(picture)
    rows = np.flatnonzero(((pixels[..., 0] > 200) & (pixels[..., 2] < 190)).any(axis=1))
    part = picture.crop((0, int(rows[0]), picture.width, int(rows[-1]) + 1)).convert("L")
    text = part.point(lambda light: 255 if light > 150 else 0).resize((part.width * 2, part.height * 2))
    held = io.BytesIO()
    ImageOps.expand(text, border=60, fill=255).save(held, "PNG", dpi=(220, 220))
    command = ["tesseract", "-", "-", "--psm", "6"]
    return squeezed(subprocess.run(command, input=held.getvalue(), capture_output=True, check=True).stdout.decode())


@pytest.mark.parametrize("suffix", [suffix for suffix in WRITERS if suffix != ".pdf"])
def test_the_marked_place_of_each_passage_is_read_back_from_the_picture(tmp_path: Path, suffix: str) -> None:
    path, reading = tmp_path / f"manual{suffix}", tmp_path / "reading.json"
    passages = WRITERS[suffix](path)
    document = read(path)
    reading.write_bytes(codec.dump(document))
    chunks = chunk(document, version_id="ver_1", chunker=CHUNKER, count_tokens=count_words)
    media_type = detect_media_type(path, path.name)
    said: dict[PageBox, str] = {}
    for passage in passages:
        start = canonical_text(document).index(passage.text)
        (region,) = [each for part in chunks for each in part.regions if each.start <= start < each.end]
        place = PageBox(region.page, region.box)
        if place not in said:
            if media_type in (PDF, *IMAGES):
                png = draw.page_picture(path, media_type, place.page, [place.box])
            else:
                png = sketch.reading_picture(reading, place.page, [place.box])
            said[place] = recognised(png)
        assert fuzz.partial_ratio(squeezed(passage.text), said[place]) >= 90  # slips; cells of two lines


def test_only_the_neighbourhood_of_a_place_is_drawn(tmp_path: Path) -> None:
    source, reading = tmp_path / "long.md", tmp_path / "reading.json"
    source.write_text("\n\n".join(f"Paragraph {number} of a long book." for number in range(5_000)))
    document: ParsedDocument = read(source)
    reading.write_bytes(codec.dump(document))
    (block,) = [block for block in document.blocks if "Paragraph 4000 " in block.text]
    png = sketch.reading_picture(reading, 1, [block.box])
    assert "paragraph4000ofalongbook" in recognised(png)
    assert Image.open(io.BytesIO(png)).height < 8_000


def test_a_page_that_is_not_there_is_said(tmp_path: Path) -> None:
    source, reading = tmp_path / "short.md", tmp_path / "reading.json"
    source.write_text("One paragraph.")
    reading.write_bytes(codec.dump(read(source)))
    with pytest.raises(PageNotFound):
        sketch.reading_picture(reading, 2)
