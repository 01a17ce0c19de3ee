"""The type of a file: its content decides before its name, and a name that promises another type is refused."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import docx
import pytest

from pipelines.domain.errors import CairnError, EncryptedFile, TruncatedFile, TypeMismatch, UnsupportedType
from pipelines.ingest.parse import CSV, DOCX, EML, HTML, JPEG, MARKDOWN, PDF, PNG, TEXT, TIFF, detect_media_type

OLE = bytes.fromhex("d0cf11e0a1b11ae1")


def detected(folder: Path, content: bytes, filename: str) -> str:
    path = folder / "stored"
    path.write_bytes(content)
    return detect_media_type(path, filename)


@pytest.mark.parametrize(
    ("content", "filename", "expected"),
    [
        (b"%PDF-1.7\n", "report.pdf", PDF),
        (b"%PDF-1.7\n", "report.txt", PDF),
        (b"\x00\x01 some mail server's header\n%PDF-1.4\n", "report", PDF),
        (b"# Title\n", "notes.md", MARKDOWN),
        (b"# Title\n", "NOTES.MARKDOWN", MARKDOWN),
        ("Grüße\tan alle\r\n".encode(), "letter.txt", TEXT),
        ("Grüße".encode("utf-16"), "letter.txt", TEXT),
        (b"<!DOCTYPE html><p>x", "page", HTML),
        (b"\xef\xbb\xbf\n<!-- saved -->\n<HTML lang=en>", "page.txt", HTML),
        (b"<p>no mark of its own", "page.htm", HTML),
        (b"<html> is how a page begins.", "notes.md", MARKDOWN),
        (b"<p>no mark and no name", "page", TEXT),
        (b"From: A\r\nSubject: B\r\n\r\nC", "saved.eml", EML),
        (b"Received: by here\r\n\tat night\r\nMessage-ID: <1@x>\r\n\r\nC", "saved", EML),
        (b"From: A\nTo: B\n\nA memo.", "memo.txt", TEXT),
        (b"No message at all.", "saved.eml", TEXT),
        (b"a,b\n1,2\n", "list.csv", CSV),
        (b"\x89PNG\r\n\x1a\n\0", "scan", PNG),
        (b"\xff\xd8\xff\xe0\0", "scan.JPG", JPEG),
        (b"II*\0\x08\0\0\0", "scan.tif", TIFF),
        (b"<html><table>", "list.csv", HTML),
    ],
)
def test_the_content_decides_before_the_name(tmp_path: Path, content: bytes, filename: str, expected: str) -> None:
    assert detected(tmp_path, content, filename) == expected


def test_an_archive_is_known_by_its_parts(tmp_path: Path) -> None:
    path = tmp_path / "file"
    docx.Document().save(str(path))
    assert detect_media_type(path, "letter.docx") == DOCX
    assert detect_media_type(path, "letter") == DOCX


@pytest.mark.parametrize(
    ("content", "filename", "error"),
    [
        (b"MZ\x90\x00", "notes.md", UnsupportedType),
        (b"{\\rtf1 Hello}", "letter.txt", UnsupportedType),
        (OLE + bytes(600), "letter.doc", UnsupportedType),
        (OLE + bytes(600) + "EncryptedPackage".encode("utf-16-le"), "letter.docx", EncryptedFile),
        (b"PK\x03\x04" + bytes(200), "archive.zip", UnsupportedType),
        (b"PK\x03\x04" + bytes(200), "letter.docx", TruncatedFile),
        (b"Plain words.", "letter.docx", TypeMismatch),
        (b"%PDF-1.7\n", "letter.docx", TypeMismatch),
        (b"Plain words.", "letter.pdf", TypeMismatch),
        (b"\x89PNG\r\n\x1a\n\0", "scan.pdf", TypeMismatch),
        (b"\x89PNG\r\n\x1a\n\0", "scan.jpg", TypeMismatch),
    ],
)
def test_what_is_not_read_is_refused_by_name(
    tmp_path: Path, content: bytes, filename: str, error: type[CairnError]
) -> None:
    with pytest.raises(error) as raised:
        detected(tmp_path, content, filename)
    assert type(raised.value) is error


def test_a_page_of_comments_costs_no_time(tmp_path: Path) -> None:
    assert detected(tmp_path, b"<!---->" * 500 + b"x", "page") == TEXT
    assert detected(tmp_path, b"<!-- -- > --> \n" * 100 + b"<html>", "page") == HTML


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.zip"
    with ZipFile(path, "w") as file:
        file.writestr("word/document.xml", b"<a/>")
    with pytest.raises(UnsupportedType):
        detect_media_type(path, "file.docx")
