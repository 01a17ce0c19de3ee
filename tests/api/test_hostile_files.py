"""Files that attack: each refused by name, or read without doing what it asks for."""

from __future__ import annotations

import io
import socket
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from zipfile import ZIP_DEFLATED, ZipFile

import httpx
import pptx
import pymupdf
import pytest
from docx import Document

from tests.e2e.server import Server, finished, running
from tests.golden.parse import writers

HEAD = "<?xml version='1.0' encoding='UTF-8' standalone='yes'?>"
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("data"), CAIRN_MAX_PAGES="50") as started:
        yield started


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as http:
        yield http


def changed(data: bytes, change: Callable[[str, bytes], bytes], **more: bytes) -> bytes:
    """An archive with its parts changed, and others added."""
    target = io.BytesIO()
    with ZipFile(io.BytesIO(data)) as source, ZipFile(target, "w", ZIP_DEFLATED) as copy:
        for name in source.namelist():
            copy.writestr(name, change(name, source.read(name)))
        for name, part in more.items():
            copy.writestr(name, part)
    return target.getvalue()


def word() -> bytes:
    document = Document()
    document.add_paragraph("Words.")
    data = io.BytesIO()
    document.save(data)
    return data.getvalue()


def with_prolog(prolog: str) -> bytes:
    def change(name: str, part: bytes) -> bytes:
        return part.replace(HEAD.encode(), (HEAD + prolog).encode()) if name == "word/document.xml" else part

    return changed(word(), change)


def bomb() -> bytes:
    return changed(word(), lambda _, part: part, **{"word/media/zeros.bin": bytes(600 * 1024 * 1024)})


def many_slides() -> bytes:
    deck = pptx.Presentation()
    for _ in range(51):
        deck.slides.add_slide(deck.slide_layouts[6])
    data = io.BytesIO()
    deck.save(data)
    return data.getvalue()


def vast_picture() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">LLBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("name", "content", "status", "codes"),
    [
        ("bomb.docx", bomb, 422, {"decompression_bomb"}),
        ("laughs.docx", lambda: with_prolog(f'<!DOCTYPE d [<!ENTITY l0 "ha">{LAUGHS}]>'), 422, {"unsafe_markup"}),
        (
            "reads.docx",
            lambda: with_prolog('<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
            422,
            {"unsafe_markup"},
        ),
        ("cut.docx", lambda: word()[:-100], 422, {"truncated_file"}),
        ("letter.xlsx", word, 415, {"type_mismatch"}),
        (
            "locked.docx",
            lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            422,
            {"encrypted_file"},
        ),
        ("vast.png", vast_picture, 422, {"decompression_bomb", "ocr_unavailable"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_attacks_its_reader_is_refused_by_name(
    client: httpx.Client, name: str, content: Callable[[], bytes], status: int, codes: set[str]
) -> None:
    response = client.post("/v1/documents", files={"file": (name, content())})
    assert response.json()["code"] in codes, response.text
    assert response.status_code == (415 if response.json()["code"] == "ocr_unavailable" else status)
    assert client.get("/v1/documents").json()["documents"] == []


def test_too_many_pages_fail_the_job_by_name(client: httpx.Client) -> None:
    response = client.post("/v1/documents", files={"file": ("long.pptx", many_slides())})
    (document,) = response.json()["documents"]
    assert finished(client, document["job_id"], "failed")["error"]["code"] == "limit_exceeded"
    client.delete(f"/v1/documents/{document['document_id']}")


class Listener:
    """A server that nobody should ask for anything. `asked` counts who did."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.asked = 0
        Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.asked += 1
            connection.close()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    started = Listener()
    yield started
    started.close()


def linked_word(url: str, folder: Path) -> bytes:
    picture = folder / "dot.png"
    pymupdf.Pixmap(pymupdf.csGRAY, pymupdf.IRect(0, 0, 4, 4)).save(picture)
    document = Document()
    document.add_paragraph("Words.")
    document.add_picture(str(picture))
    data = io.BytesIO()
    document.save(data)
    template = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/attachedTemplate"

    def change(name: str, part: bytes) -> bytes:
        part = part.replace(b"r:embed=", b"r:link=")
        part = part.replace(b'Target="media/image1.png"', f'Target="{url}/picture.png" TargetMode="External"'.encode())
        link = (
            f'<Relationship Id="rId99" Type="{template}" Target="{url}/t.dotm" TargetMode="External"/></Relationships>'
        )
        return part.replace(b"</Relationships>", link.encode()) if name.endswith("document.xml.rels") else part

    return changed(data.getvalue(), change, **{"word/vbaProject.bin": b"Sub AutoOpen()"})


def linked_page(url: str, _: Path) -> bytes:
    return (
        f"<!doctype html><link rel=stylesheet href={url}/s.css><script src={url}/s.js></script><p>Words.</p>"
        f"<img src={url}/i.png alt=''><iframe src={url}/f></iframe><meta http-equiv=refresh content='0;{url}/r'>"
        f"<object data={url}/o></object><svg><use href={url}/u /></svg>"
    ).encode()


def linked_mail(url: str, folder: Path) -> bytes:
    return b"From: a@example.org\r\nSubject: S\r\nContent-Type: text/html\r\n\r\n" + linked_page(url, folder)


def linked_pdf(url: str, _: Path) -> bytes:
    with pymupdf.open() as document:
        page = document.new_page()
        page.insert_text((72, 100), "Words.")
        page.insert_link({"kind": pymupdf.LINK_URI, "from": pymupdf.Rect(0, 0, 99, 99), "uri": f"{url}/l"})
        document.embfile_add("inside.html", linked_page(url, Path()))
        action = document.get_new_xref()
        document.update_object(action, f"<</S/JavaScript/JS(app.launchURL\\('{url}/j'\\))>>")
        document.xref_set_key(document.pdf_catalog(), "OpenAction", f"{action} 0 R")
        data: bytes = document.tobytes()
    return data


def linked_workbook(url: str, folder: Path) -> bytes:
    path = folder / "book.xlsx"
    writers.write_xlsx(path)
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/externalLinkPath"
    rels = f'<Relationships><Relationship Id="r1" Type="{relation}" Target="{url}/x.xlsx" TargetMode="External"/></Relationships>'
    return changed(
        path.read_bytes(), lambda _, part: part, **{"xl/externalLinks/_rels/externalLink1.xml.rels": rels.encode()}
    )


def linked_deck(url: str, _: Path) -> bytes:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "Words."
    slide.shapes.title.text_frame.paragraphs[0].runs[0].hyperlink.address = f"{url}/link"
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    slide.part.relate_to(f"{url}/picture.png", f"{kind}/image", is_external=True)
    slide.part.relate_to(f"{url}/film.mp4", f"{kind}/video", is_external=True)
    data = io.BytesIO()
    deck.save(data)
    return data.getvalue()


def linked_book(url: str, folder: Path) -> bytes:
    path = folder / "book.epub"
    writers.write_epub(path)
    page = linked_page(url, folder).removeprefix(b"<!doctype html>")
    return changed(path.read_bytes(), lambda name, part: page if name.endswith("2.xhtml") else part)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("letter.docx", linked_word),
        ("page.html", linked_page),
        ("message.eml", linked_mail),
        ("paper.pdf", linked_pdf),
        ("book.xlsx", linked_workbook),
        ("deck.pptx", linked_deck),
        ("book.epub", linked_book),
    ],
)
def test_nothing_that_a_file_refers_to_is_fetched_or_run(
    client: httpx.Client, listener: Listener, tmp_path: Path, name: str, write: Callable[[str, Path], bytes]
) -> None:
    response = client.post("/v1/documents", files={"file": (name, write(listener.url, tmp_path))})
    assert response.status_code == 202, response.text
    (document,) = response.json()["documents"]
    assert finished(client, document["job_id"])["status"] == "succeeded"
    chunks = client.get(f"/v1/documents/{document['document_id']}/chunks?limit=200").json()["chunks"]
    text = "\n".join(chunk["text"] for chunk in chunks)
    assert text
    assert listener.url not in text
    assert "AutoOpen" not in text
    assert listener.asked == 0
    client.delete(f"/v1/documents/{document['document_id']}")
