"""Messages: what was said, by whom, and what came with it."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.domain.documents import BlockKind
from pipelines.domain.errors import UnreadableFile
from pipelines.ingest.parse import EML, PageRange, detect_media_type, parse_range, probe


def texts_of(data: bytes, folder: Path) -> list[str]:
    path = folder / "message.eml"
    path.write_bytes(data)
    return [block.text for block in parse_range(path, EML, PageRange(1, probe(path, EML))).blocks]


def letter(subject: str, text: str) -> EmailMessage:
    message = EmailMessage(SMTP)
    message["From"] = "Jörg Müller <joerg@example.org>"
    message["To"] = "ida@example.org"
    message["Subject"] = subject
    message.set_content(text)
    return message


def test_a_letter_with_attachments(tmp_path: Path) -> None:
    message = letter("Größe der Kuppel", "Dear Ida,\n\nthe dome is 9 m wide.\n\n> How wide\n> is it?\n")
    message.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="Maße.pdf")
    assert texts_of(bytes(message), tmp_path) == [
        "Größe der Kuppel",
        "From: Jörg Müller <joerg@example.org>",
        "To: ida@example.org",
        "Dear Ida,",
        "the dome is 9 m wide.",
        "How wide is it?",
        "Attachments",
        "Maße.pdf (application/pdf, 5 bytes)",
    ]


def test_html_is_read_before_plain_text_unless_it_shows_nothing(tmp_path: Path) -> None:
    message = letter("S", "plain")
    message.add_alternative(
        "<table><tr><th>a<th>b<tr><td>1<td>2</table><img src='http://192.0.2.1/pixel'>", subtype="html"
    )
    assert texts_of(bytes(message), tmp_path)[3:] == ["| a | b |\n| --- | --- |\n| 1 | 2 |"]
    message = letter("S", "plain")
    message.add_alternative("<img src='cid:1'>", subtype="html")
    assert texts_of(bytes(message), tmp_path)[3:] == ["plain"]


def test_a_forwarded_message_is_read_where_it_stands(tmp_path: Path) -> None:
    message = letter("Fwd", "See below.")
    message.add_attachment(letter("The first", "It began at night."))
    found = texts_of(bytes(message), tmp_path)
    assert found[3:] == ["See below.", "The first", *found[1:3], "It began at night."]


def test_an_unknown_encoding_is_read_as_well_as_can_be(tmp_path: Path) -> None:
    data = b"Subject: S\r\nContent-Type: text/plain; charset=no-such\r\n\r\nGr\xfc\xdfe"
    assert texts_of(data, tmp_path) == ["S", "Grüße"]


def test_fields_that_were_written_as_they_should_not_be(tmp_path: Path) -> None:
    data = "From ida@example.org Tue May 10 11:28:07 2005\r\nSubject: Größe\r\nFrom: Jörg\r\n\r\nWords.".encode(
        "cp1252"
    )
    path = tmp_path / "message.eml"
    path.write_bytes(data)
    assert detect_media_type(path, "message.eml") == EML
    assert texts_of(data, tmp_path) == ["Größe", "From: Jörg", "Words."]


def test_a_message_without_words_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile):
        texts_of(b"X-Empty: 1\r\n\r\n", tmp_path)


def test_the_subject_is_the_heading_and_the_title(tmp_path: Path) -> None:
    path = tmp_path / "message.eml"
    path.write_bytes(bytes(letter("The plan", "Words.")))
    document = parse_range(path, EML, PageRange(1, 1))
    assert document.title == "The plan"
    assert document.blocks[0].kind is BlockKind.HEADING


HEADERS = st.sampled_from(
    [
        "Subject: =?utf-8?b?x?=",
        "From: <<>,",
        "To: a@b",
        "Content-Type: multipart/mixed; boundary=b",
        "Date: never",
        "--b",
        "",
        "x",
    ]
)


@given(st.lists(HEADERS, max_size=12), st.binary(max_size=50))
def test_any_message_is_read_or_refused_by_name(lines: list[str], tail: bytes) -> None:
    with TemporaryDirectory() as folder:
        try:
            texts = texts_of("\r\n".join(lines).encode() + tail, Path(folder))
        except UnreadableFile:
            return
    assert all(texts)
