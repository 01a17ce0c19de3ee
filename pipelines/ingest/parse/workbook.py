"""What of a workbook calamine does not tell: how far a sheet's cells lie apart, before room is made for all between
them, and which numbers are shown as percent or money (SpreadsheetML, ECMA-376 part 1, 18).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element
from xml.parsers import expat
from zipfile import ZipFile

from defusedxml.ElementTree import fromstring

from pipelines.domain.errors import UnreadableFile
from pipelines.ingest.parse.drawings import TextBox, text_boxes
from pipelines.ingest.parse.office import local, relation, resolved

Place = tuple[int, int]
"""Row and column, from 0."""

_BOOK, _RELATIONS, _STYLES = "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml"
_REFERENCE = re.compile(r"([A-Z]{1,3})(\d{1,7})")
_SIGN = re.compile(r"\[\$([^\]\-]+)[^\]]*\]|([€$£¥₹])")
_QUOTED = re.compile(r'"([^"]*)"|\\(.)')
_BUILT_IN = {"9": "%", "10": "%"} | dict.fromkeys(("5", "6", "7", "8", "42", "44"), "$")
_BLOCK = 1024 * 1024
_LONGEST_CODE = 255  # characters, as in Excel


@dataclass(slots=True)
class Survey:
    """The rectangle around a sheet's cells, and the sign that a number in it is shown with."""

    top: int | None = None
    left: int = 0
    bottom: int = 0
    right: int = 0
    signs: dict[Place, str] = field(default_factory=dict)

    @property
    def cells(self) -> int:
        return 0 if self.top is None else (self.bottom - self.top + 1) * (self.right - self.left + 1)

    def add(self, row: int, column: int) -> None:
        if self.top is None:
            self.top, self.left, self.bottom, self.right = row, column, row, column
        self.top, self.bottom = min(self.top, row), max(self.bottom, row)
        self.left, self.right = min(self.left, column), max(self.right, column)


class Workbook:
    """The parts of an opened archive. Raises UnreadableFile where one is missing."""

    def __init__(self, file: ZipFile) -> None:
        self._file = file
        targets = {each.get("Id", ""): each.get("Target", "") for each in self._xml(_RELATIONS)}
        self._parts = {
            sheet.get("name", ""): resolved(_BOOK, targets.get(relation(sheet, "id"), ""))
            for sheet in self._xml(_BOOK).iter()
            if local(sheet.tag) == "sheet"
        }
        self._signs = _signs(self._xml(_STYLES)) if _STYLES in file.namelist() else {}

    def text_boxes(self, sheet: str) -> Iterator[TextBox]:
        return text_boxes(self._file, self._parts.get(sheet, ""))

    def of(self, sheet: str) -> Survey:
        survey = _Reader(self._signs)
        try:
            with self._file.open(self._parts.get(sheet, "")) as data:
                while block := data.read(_BLOCK):
                    survey.parser.Parse(block, False)
                survey.parser.Parse(b"", True)
        except (KeyError, expat.ExpatError) as error:
            raise UnreadableFile("A sheet of the workbook cannot be read.") from error
        return survey.found

    def _xml(self, name: str) -> Element:
        try:
            return fromstring(self._file.read(name))
        except KeyError as error:
            raise UnreadableFile("The workbook lacks a part.") from error


class _Reader:
    """One pass over a sheet's XML."""

    def __init__(self, signs: Mapping[str, str]) -> None:
        self.found = Survey()
        self._signs = signs
        self._place: Place | None = None
        self._sign = ""
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start

    def _start(self, name: str, attributes: dict[str, Any]) -> None:
        """Only cells with a value count: people format whole columns. One without a reference stands beside another."""
        match name.rpartition(":")[2]:
            case "c":
                place = _REFERENCE.fullmatch(attributes.get("r", ""))
                self._place = (int(place[2]) - 1, _column(place[1])) if place else None
                self._sign = self._signs.get(attributes.get("s", ""), "")
            case "v" | "is" if self._place is not None:
                self.found.add(*self._place)
                if self._sign:
                    self.found.signs[self._place] = self._sign
                self._place = None


def _signs(styles: Element) -> dict[str, str]:
    """By the number of a cell's format."""
    codes = {
        each.get("numFmtId", ""): each.get("formatCode", "") for each in styles.iter() if local(each.tag) == "numFmt"
    }
    formats = next((each for each in styles if local(each.tag) == "cellXfs"), ())
    used = {str(number): each.get("numFmtId", "") for number, each in enumerate(formats)}
    signs = {number: _sign(codes[code]) if code in codes else _BUILT_IN.get(code, "") for number, code in used.items()}
    return {number: sign for number, sign in signs.items() if sign}


def _sign(code: str) -> str:
    """`%`, a currency's sign, or nothing."""
    positive = _QUOTED.sub(r"\1\2", code[:_LONGEST_CODE]).split(";")[0]
    if "%" in positive:
        return "%"
    found = _SIGN.search(positive)
    return (found[1] or found[2]).strip() if found else ""


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1
