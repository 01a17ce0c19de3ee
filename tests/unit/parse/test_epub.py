"""Books: a page is a chapter, under its own heading or under its name in the table of contents."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest

from pipelines.domain.documents import Block
from pipelines.domain.errors import EncryptedFile, UnreadableFile, UnsafeMarkup
from pipelines.ingest.parse import EPUB, PageRange, detect_media_type, parse_range, probe

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)
PACKAGE = """<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>
<dc:title>The dome</dc:title></metadata><manifest>
<item id="toc" href="toc.ncx" media-type="application/x-dtbncx+xml"/>
<item id="a" href="text/one%20a.xhtml" media-type="application/xhtml+xml"/>
<item id="b" href="text/two.xhtml" media-type="application/xhtml+xml"/>
<item id="gone" href="text/gone.xhtml" media-type="application/xhtml+xml"/>
<item id="picture" href="missing.png" media-type="image/png"/>
</manifest><spine toc="toc"><itemref idref="b"/><itemref idref="gone"/><itemref idref="a"/></spine></package>"""
CONTENTS = """<!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN" "http://www.daisy.org/z3986/2005/ncx-2005-1.dtd">
<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap><navPoint><navLabel><text>First night</text></navLabel>
<content src="text/one%20a.xhtml#start"/></navPoint></navMap></ncx>"""
KIND = '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "http://www.w3.org/TR/xhtml11/DTD/xhtml11.dtd">'


def written(folder: Path, **parts: str) -> Path:
    path = folder / "book.epub"
    content = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "OEBPS/book.opf": PACKAGE,
        "OEBPS/toc.ncx": CONTENTS,
        "OEBPS/text/one a.xhtml": f"{KIND}<html><body><p>It was dark.</p></body></html>",
        "OEBPS/text/two.xhtml": "<html><body><h1>Preface</h1><p>Read this.</p><script>no()</script></body></html>",
    } | {name.replace("__", "/").replace("_", "."): text for name, text in parts.items()}
    with ZipFile(path, "w") as file:
        for name, text in content.items():
            file.writestr(name, text)
    return path


def blocks_of(path: Path) -> tuple[Block, ...]:
    return parse_range(path, EPUB, PageRange(1, probe(path, EPUB))).blocks


def test_chapters_come_in_the_spines_order_under_their_names(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert detect_media_type(path, "book.epub") == EPUB
    assert [(block.page, block.text) for block in blocks_of(path)] == [
        (1, "Preface"),
        (1, "Read this."),
        (2, "First night"),
        (2, "It was dark."),
    ]
    assert parse_range(path, EPUB, PageRange(2, 2)).blocks == blocks_of(path)[2:]
    assert parse_range(path, EPUB, PageRange(1, 1)).title == "The dome"


def test_encrypted_chapters_are_refused_and_encrypted_fonts_are_not(tmp_path: Path) -> None:
    lock = '<encryption><CipherReference xmlns="http://www.w3.org/2001/04/xmlenc#" URI="{}"/></encryption>'
    assert blocks_of(written(tmp_path, **{"META-INF__encryption_xml": lock.format("OEBPS/font.otf")}))
    with pytest.raises(EncryptedFile):
        probe(written(tmp_path, **{"META-INF__encryption_xml": lock.format("OEBPS/text/two.xhtml")}), EPUB)


def test_entities_are_refused_by_name(tmp_path: Path) -> None:
    path = written(tmp_path, OEBPS__toc_ncx='<!DOCTYPE ncx [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><ncx>&b;</ncx>')
    with pytest.raises(UnsafeMarkup):
        probe(path, EPUB)


def test_a_book_without_its_tables_is_refused(tmp_path: Path) -> None:
    for parts in ({"META-INF__container_xml": "<container/>"}, {"OEBPS__book_opf": "<package/>"}):
        with pytest.raises(UnreadableFile):
            probe(written(tmp_path, **parts), EPUB)
