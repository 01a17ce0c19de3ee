"""Text boxes that lie on a sheet (DrawingML in SpreadsheetML, ECMA-376 part 1, 20.5)."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree.ElementTree import Element
from zipfile import ZipFile

from defusedxml.ElementTree import fromstring

from pipelines.ingest.parse.office import local, resolved
from pipelines.ingest.parse.words import clean

_LAST = 1_048_575  # the last row there can be, from 0


class TextBox(NamedTuple):
    """A paragraph in a text box, and the cell under the box's top left corner, from 0."""

    row: int
    column: int
    text: str


def text_boxes(file: ZipFile, sheet: str) -> Iterator[TextBox]:
    """What the text boxes of a sheet say, given the sheet's part, in the order of their places."""
    folder, name = posixpath.split(sheet)
    relations = f"{folder}/_rels/{name}.rels"
    names = frozenset(file.namelist())
    found: list[TextBox] = []
    for each in fromstring(file.read(relations)) if relations in names else ():
        drawing = resolved(sheet, each.get("Target", ""))
        if each.get("Type", "").endswith("/drawing") and drawing in names:
            for anchor in fromstring(file.read(drawing)):
                found += _anchored(anchor)
    yield from sorted(found, key=lambda box: (box.row, box.column))


def _anchored(anchor: Element) -> Iterator[TextBox]:
    corner = next((each for each in anchor if local(each.tag) == "from"), None)
    place = {} if corner is None else {local(each.tag): each.text or "" for each in corner}
    row, column = (_number(place.get(name, "")) for name in ("row", "col"))
    for body in anchor.iter():
        for paragraph in body if local(body.tag) == "txBody" else ():
            text = clean("".join(each.text or " " for each in paragraph.iter() if local(each.tag) in ("t", "br")))
            if text:
                yield TextBox(row, column, text)


def _number(text: str) -> int:
    return min(int(text), _LAST) if text.isdecimal() and len(text) < 9 else 0
