"""Word documents (.docx), through mammoth, which knows text boxes, content controls, tracked changes, notes and lists and
gives HTML. Word keeps no pages: the whole document is page 1, and its headings say where something stands.

Nothing outside the archive is opened, and pictures are not read.
"""

from __future__ import annotations

import io
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement
from zipfile import ZipFile

import mammoth
from defusedxml.ElementTree import fromstring, tostring

from pipelines.domain.documents import ParsedDocument
from pipelines.domain.errors import UnreadableFile
from pipelines.ingest.parse import archive, html
from pipelines.ingest.parse.files import PageRange
from pipelines.ingest.parse.office import core_title
from pipelines.ingest.parse.word_numbering import Numbering
from pipelines.ingest.parse.word_styles import Styles, W

_STYLES, _NUMBERING = "word/styles.xml", "word/numbering.xml"


def page_count(path: Path) -> int:
    with archive.opened(path):
        return 1


def parse(path: Path, _pages: PageRange) -> ParsedDocument:
    with archive.opened(path) as file:
        styles = Styles(_xml(file, _STYLES))
        markup = mammoth.convert_to_html(
            _as_shown(file, styles),
            style_map="\n".join(styles.rules()),
            include_embedded_style_map=False,
            external_file_access=False,
            convert_image=mammoth.images.img_element(lambda _: {}),
        ).value
        title = core_title(file)
    flow, _ = html.read(markup)
    if not flow.blocks:
        raise UnreadableFile("The document holds no text.")
    return ParsedDocument((flow.page,), flow.blocks, title, paper=False)


def _as_shown(file: ZipFile, styles: Styles) -> io.BytesIO:
    """The document's XML, without the runs that Word hides and with the numbers that it shows before headings."""
    numbering = Numbering(_xml(file, _NUMBERING), styles)
    shown = io.BytesIO()
    with ZipFile(shown, "w") as copy:
        for name in file.namelist():
            if name.endswith((".xml", ".rels")):
                copy.writestr(name, _edited(name, file.read(name), numbering))
    return shown


def _edited(name: str, data: bytes, numbering: Numbering) -> bytes:
    if name == _STYLES:
        return _typed(data)
    counted = b":body>" in data and not numbering.is_empty
    if not counted and b":vanish" not in data:
        return data
    root = fromstring(data)
    for parent in root.iter():
        for child in [each for each in parent if each.tag == f"{W}r" and _hidden(each)]:
            parent.remove(child)
    for paragraph in root.iter(f"{W}p") if counted else ():
        if label := numbering.label(paragraph):
            paragraph.insert(0 if paragraph.find(f"{W}pPr") is None else 1, _run(f"{label} "))
    found: bytes = tostring(root, "utf-8")
    return found


def _run(text: str) -> Element:
    run = Element(f"{W}r")
    SubElement(run, f"{W}t").text = text
    return run


def _typed(styles: bytes) -> bytes:
    """A style is a paragraph's unless it says otherwise (ECMA-376 17.7.4.17), and may be without a name; mammoth wants both."""
    root = fromstring(styles)
    for style in root.iter(f"{W}style"):
        style.attrib.setdefault(f"{W}type", "paragraph")
        style.attrib.setdefault(f"{W}styleId", "")
    found: bytes = tostring(root, "utf-8")
    return found


def _hidden(run: Element) -> bool:
    mark = run.find(f"{W}rPr/{W}vanish")
    return mark is not None and mark.get(f"{W}val", "true") not in ("0", "false", "off")


def _xml(file: ZipFile, name: str) -> Element | None:
    return fromstring(file.read(name)) if name in file.namelist() else None
