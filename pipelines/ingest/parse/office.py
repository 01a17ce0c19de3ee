"""What the files of Office have in common (ECMA-376, part 2)."""

from __future__ import annotations

import posixpath
from xml.etree.ElementTree import Element
from zipfile import ZipFile

from defusedxml.ElementTree import fromstring

from pipelines.ingest.parse.words import clean

_CORE = "docProps/core.xml"
_TITLE = "{http://purl.org/dc/elements/1.1/}title"


def core_title(file: ZipFile) -> str | None:
    """The title that the author gave the file."""
    if _CORE not in file.namelist():
        return None
    found = fromstring(file.read(_CORE)).find(_TITLE)
    return clean(found.text or "") or None if found is not None else None


def resolved(base: str, reference: str) -> str:
    """A part's name, from a reference in another part."""
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(base), reference)).lstrip("/")


def relation(element: Element, name: str) -> str:
    """An attribute in the namespace of relations, of which there are two: ECMA's, and the one of ISO's strict files."""
    return next((value for key, value in element.items() if key.endswith(f"/relationships}}{name}")), "")


def local(tag: str) -> str:
    """A tag without its namespace."""
    return tag.rpartition("}")[2]
