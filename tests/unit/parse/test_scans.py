"""Pictures of pages: read where there is OCR, refused by name where there is none."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pymupdf
import pytest
from PIL import Image, ImageDraw, ImageFont

from app.adapters import tesseract
from pipelines.domain.documents import Block
from pipelines.domain.errors import CairnError, DecompressionBomb, OcrUnavailable, UnreadableFile
from pipelines.ingest.parse import JPEG, PDF, PNG, TIFF, Ocr, PageRange, parse_range, parser_name, probe
from pipelines.ingest.parse.scans import is_legible
from tests.fakes.scans import OCR, needs_ocr

WORDS = "Domes are closed when the wind exceeds 72 kilometres per hour."


def picture(words: str = WORDS, size: tuple[int, int] = (1600, 400), letters: int = 40) -> Image.Image:
    drawn = Image.new("RGB", size, "white")
    ImageDraw.Draw(drawn).text((letters, letters), words, fill="black", font=ImageFont.load_default(letters))
    return drawn


def blocks_of(path: Path, media_type: str) -> tuple[Block, ...]:
    return parse_range(path, media_type, PageRange(1, probe(path, media_type, OCR)), OCR).blocks


@needs_ocr
@pytest.mark.parametrize(("name", "media_type"), [("a.png", PNG), ("a.jpg", JPEG), ("a.tiff", TIFF)])
def test_a_picture_of_words_is_read_with_their_place(tmp_path: Path, name: str, media_type: str) -> None:
    path = tmp_path / name
    picture().save(path, dpi=(200, 200))
    document = parse_range(path, media_type, PageRange(1, 1), OCR)
    (block,) = document.blocks
    (page,) = document.pages
    assert block.text == WORDS
    assert (round(page.width), round(page.height)) == (576, 144)
    assert 10 < block.box.x0 < 20
    assert 10 < block.box.y0 < block.box.y1 < 40


@needs_ocr
def test_small_letters_are_enlarged(tmp_path: Path) -> None:
    path = tmp_path / "shot.png"
    picture(size=(640, 120), letters=14).save(path)
    assert [block.text for block in blocks_of(path, PNG)] == [WORDS]


@needs_ocr
def test_a_photograph_is_turned_as_its_camera_says(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    turned = Image.Exif()
    turned[0x0112] = 6  # to be shown turned by 90 degrees
    picture().transpose(Image.Transpose.ROTATE_90).save(path, exif=turned)
    assert [block.text for block in blocks_of(path, JPEG)] == [WORDS]


@needs_ocr
def test_only_the_pages_of_a_pdf_that_are_pictures_are_recognised(tmp_path: Path) -> None:
    path, scan = tmp_path / "mixed.pdf", tmp_path / "scan.png"
    picture(size=(1700, 2200)).save(scan)
    with pymupdf.open() as document:
        document.new_page().insert_text((72, 100), "Typed words stand here. " * 3)
        page = document.new_page()
        page.insert_image(page.rect, filename=scan)
        page.insert_text((72, 800), "Bates 000123")
        document.new_page()
        document.save(path)
    first, second = (parse_range(path, PDF, PageRange(number, number), OCR).blocks for number in (1, 2))
    assert first == parse_range(path, PDF, PageRange(1, 1)).blocks
    assert WORDS in " ".join(block.text for block in second)
    assert {block.page for block in second} == {2}
    assert parse_range(path, PDF, PageRange(3, 3), OCR).blocks == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Domes are closed.", True),
        ("| Day | 12 |\n| --- | --- |", True),
        ("§ 4", False),
        ("|", False),
        ("= _ ~.", False),
        ("42", True),
    ],
)
def test_marks_that_are_no_words_are_left_out(text: str, expected: bool) -> None:
    assert is_legible(text) is expected


def test_without_ocr_a_picture_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    picture().save(path)
    for call in (lambda: probe(path, PNG), lambda: parse_range(path, PNG, PageRange(1, 1))):
        with pytest.raises(OcrUnavailable):
            call()


def test_language_data_is_looked_for(tmp_path: Path) -> None:
    (tmp_path / "eng.traineddata").touch()
    assert tesseract.find("eng", tmp_path) == Ocr(str(tmp_path), "eng")
    assert tesseract.find("eng+deu", tmp_path) is None


def test_documents_are_read_anew_where_ocr_comes_later() -> None:
    assert parser_name(None) != parser_name(Ocr("/x", "eng")) != parser_name(Ocr("/x", "eng+deu"))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))


def _vast(side: int) -> bytes:
    header = _chunk(b"IHDR", struct.pack(">LLBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", zlib.compress(bytes(1000))) + _chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "media_type", "error"),
    [
        (_vast(9_000), PNG, DecompressionBomb),
        (_vast(100_000), PNG, DecompressionBomb),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), PNG, UnreadableFile),
        (b"\xff\xd8\xff" + bytes(100), JPEG, UnreadableFile),
        (b"II*\0" + struct.pack("<L", 8) + struct.pack("<HL", 0, 8), TIFF, UnreadableFile),
    ],
    ids=["large", "vast", "no-png", "no-jpeg", "directories-in-a-circle"],
)
def test_pictures_that_attack_are_refused_by_name(
    tmp_path: Path, content: bytes, media_type: str, error: type[CairnError]
) -> None:
    path = tmp_path / "picture"
    path.write_bytes(content)
    with pytest.raises(error) as raised:
        probe(path, media_type, Ocr("/nowhere"))
    assert type(raised.value) is error
