"""Books (EPUB 2 and 3). A page is a chapter: a document of the spine. Its text is XHTML, and is read as HTML is.

The package itself is three small XML files, read here: the libraries for it fail on a book that lacks a picture.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote
from xml.etree.ElementTree import Element
from zipfile import ZipFile

from defusedxml.ElementTree import fromstring
from selectolax.lexbor import LexborHTMLParser

from pipelines.domain.documents import BlockKind, ParsedDocument
from pipelines.domain.errors import EncryptedFile, LimitExceeded, UnreadableFile
from pipelines.ingest.parse import archive, html
from pipelines.ingest.parse.characters import decoded
from pipelines.ingest.parse.files import PageRange
from pipelines.ingest.parse.flow import Flow
from pipelines.ingest.parse.words import clean

_CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
_NCX = "application/x-dtbncx+xml"


def page_count(path: Path) -> int:
    with archive.opened(path, public_document_types=True) as file:
        return len(_Book(file).chapters)


def parse(path: Path, pages: PageRange) -> ParsedDocument:
    with archive.opened(path, public_document_types=True) as file:
        book = _Book(file)
        labels = book.labels()
        chapters = enumerate(book.chapters[pages.first - 1 : pages.last], pages.first)
        flows = [_chapter(file, name, number, labels.get(name)) for number, name in chapters]
    return ParsedDocument(
        pages=tuple(flow.page for flow in flows),
        blocks=tuple(block for flow in flows for block in flow.blocks),
        title=book.title,
        paper=False,
    )


def _chapter(file: ZipFile, name: str, number: int, label: str | None) -> Flow:
    """A chapter that has no heading has its name in the table of contents for one."""
    data = file.read(name)
    if len(data) > html.MOST_BYTES:
        raise LimitExceeded(f"A chapter may have {html.MOST_BYTES:,} bytes at most.")
    markup = decoded(data, html.declared_encoding(data))
    flow, _ = html.read(markup, number)
    if label is None or not flow.blocks or any(block.kind is BlockKind.HEADING for block in flow.blocks):
        return flow
    headed = Flow(number)
    headed.add(BlockKind.HEADING, label, 1)
    return html.read(markup, number, headed)[0]


class _Book:
    """The package document and what it names. Raises UnreadableFile, EncryptedFile."""

    def __init__(self, file: ZipFile) -> None:
        self._file = file
        self._names = frozenset(file.namelist())
        self._path = next((each.get("full-path", "") for each in _all(self._xml(_CONTAINER), "rootfile")), "")
        package = self._xml(self._path)
        self._items = {each.get("id", ""): each for each in _all(package, "item")}
        self._spine = next(_all(package, "spine"), None)
        named = next(_all(package, "title"), None)
        self.title = clean(named.text or "") or None if named is not None else None
        references = _all(self._spine, "itemref") if self._spine is not None else iter(())
        found = [self._part(self._items.get(each.get("idref", ""))) for each in references]
        self.chapters = [name for name in found if name in self._names]
        if not self.chapters:
            raise UnreadableFile("The book has no chapters.")
        if not self._locked().isdisjoint(self.chapters):
            raise EncryptedFile("The book's text is encrypted.")

    def labels(self) -> dict[str, str]:
        """Chapters' names in the table of contents, by their part."""
        found: dict[str, str] = {}
        for place, label in self._contents():
            found.setdefault(place, label)
        return found

    def _contents(self) -> Iterator[tuple[str, str]]:
        for item in self._items.values():
            name = self._part(item)
            if name not in self._names:
                continue
            if item.get("media-type") == _NCX:
                for point in _all(fromstring(self._file.read(name)), "navPoint"):
                    label, target = next(_all(point, "text"), None), next(_all(point, "content"), None)
                    if label is not None and target is not None:
                        yield _resolved(name, target.get("src", "")), clean(label.text or "")
            elif "nav" in item.get("properties", "").split():
                for link in LexborHTMLParser(decoded(self._file.read(name))).css("nav a[href]"):
                    yield _resolved(name, link.attributes.get("href") or ""), clean(link.text())

    def _locked(self) -> frozenset[str]:
        """Parts under encryption; fonts often are, to keep them from being taken."""
        if _ENCRYPTION not in self._names:
            return frozenset()
        references = _all(self._xml(_ENCRYPTION), "CipherReference")
        return frozenset(unquote(each.get("URI", "")).lstrip("/") for each in references)

    def _part(self, item: Element | None) -> str:
        return "" if item is None else _resolved(self._path, item.get("href", ""))

    def _xml(self, name: str) -> Element:
        if name not in self._names:
            raise UnreadableFile("The book lacks its table of parts.")
        return fromstring(self._file.read(name))


def _resolved(base: str, reference: str) -> str:
    """A part's name, from a reference in another part."""
    target = unquote(reference.partition("#")[0])
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(base), target)).lstrip("/")


def _all(element: Element, name: str) -> Iterator[Element]:
    """By name in any namespace."""
    return (each for each in element.iter() if isinstance(each.tag, str) and each.tag.rpartition("}")[2] == name)
