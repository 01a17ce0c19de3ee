"""What stands on a PDF's page, as MuPDF gives it: words with their style, rules, bands of colour, pictures. No analysis."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pipelines.domain.documents import Box
from pipelines.ingest.parse.mupdf import pymupdf
from pipelines.ingest.parse.words import clean

_THIN = 3.0  # points: a path that is no wider is a rule
_SHORT = 5.0  # points: and one that is no longer is a mark
_TOUCHING = 3.0  # points between pieces of one rule
_SAME = 1.5  # points that pieces of one rule may be off
_DARK = 0.8  # mean of a colour's parts: darker than the shades behind rows
_MANY_PATHS = 1_500  # a page with more is a drawing
_RECOGNISED = "glyphlessfont"  # Tesseract's, all of whose letters are as wide as each other
_BOLD, _ITALIC, _MONOSPACED = 16, 2, 8  # PyMuPDF's span flags


class Style(NamedTuple):
    size: float  # points
    bold: bool
    italic: bool
    monospaced: bool


class Word(NamedTuple):
    x0: float
    y0: float
    x1: float
    y1: float
    text: str
    line: int  # MuPDF's: words of one line have one number
    style: Style


class Rules(NamedTuple):
    """Rules and the edges of bands of colour, in points. Horizontal: (y, x0, x1); vertical: (x, y0, y1)."""

    horizontal: Sequence[tuple[float, float, float]]
    vertical: Sequence[tuple[float, float, float]]


NO_RULES = Rules((), ())


@dataclass(frozen=True, slots=True)
class PageText:
    width: float
    height: float
    words: Sequence[Word]
    rules: Rules
    pictures: Sequence[Box]
    shapes: Sequence[Box]  # dark rectangles, curves and slanting lines: what makes a chart


def page_text(page: Any) -> PageText:
    """Of a page without rotation. Raises what PyMuPDF raises."""
    textpage = page.get_textpage(flags=pymupdf.TEXTFLAGS_WORDS)
    words = list(_words(textpage))
    rules, shapes = _paths(page)
    pictures = [Box(*box) for kind, box in page.get_bboxlog() if "image" in kind or "shade" in kind]
    return PageText(float(page.rect.width), float(page.rect.height), words, rules, pictures, shapes)


def _words(textpage: Any) -> Iterator[Word]:
    styles = {
        (number, at): _style(line["spans"])
        for number, block in enumerate(textpage.extractDICT()["blocks"])
        for at, line in enumerate(block.get("lines", ()))
    }
    lines = {place: number for number, place in enumerate(styles)}
    for x0, y0, x1, y1, text, block, line, _ in textpage.extractWORDS():
        if (said := clean(text)) and (block, line) in styles:
            yield Word(x0, y0, x1, y1, said, lines[block, line], styles[block, line])


def _style(spans: Sequence[Any]) -> Style:
    return style_of(max(spans, key=lambda span: len(span["text"].strip())))


def style_of(span: Any) -> Style:
    """Of a span as PyMuPDF gives it."""
    flags, font = int(span.get("flags", 0)), str(span.get("font", "")).lower()
    monospaced = bool(flags & _MONOSPACED) or "mono" in font or "courier" in font
    return Style(
        round(float(span["size"]), 1),
        bool(flags & _BOLD) or "bold" in font or "black" in font,
        bool(flags & _ITALIC) or "italic" in font or "oblique" in font,
        monospaced and font != _RECOGNISED,
    )


def _paths(page: Any) -> tuple[Rules, list[Box]]:
    horizontal: list[tuple[float, float, float]] = []
    vertical: list[tuple[float, float, float]] = []
    shapes: list[Box] = []
    paths = page.get_cdrawings()
    if len(paths) > _MANY_PATHS:
        return NO_RULES, [Box(0, 0, float(page.rect.width), float(page.rect.height))]
    for path in paths:
        for item in path["items"]:
            if item[0] == "l":
                (ax, ay), (bx, by) = item[1], item[2]
                x0, y0, x1, y1 = min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)
            elif item[0] == "re":
                x0, y0, x1, y1 = item[1]
            else:
                shapes.append(Box(*path["rect"]))
                continue
            if y1 - y0 < _THIN:
                if x1 - x0 > _SHORT:
                    horizontal.append(((y0 + y1) / 2, x0, x1))
            elif x1 - x0 < _THIN:
                if y1 - y0 > _SHORT:
                    vertical.append(((x0 + x1) / 2, y0, y1))
            elif item[0] == "re":
                if (fill := path.get("fill")) and sum(fill) < _DARK * len(fill):
                    shapes.append(Box(x0, y0, x1, y1))
                horizontal += [(y0, x0, x1), (y1, x0, x1)]
                if path.get("color") is not None:
                    vertical += [(x0, y0, y1), (x1, y0, y1)]
            else:
                shapes.append(Box(x0, y0, x1, y1))
    return Rules(_joined(horizontal), _joined(vertical)), shapes


def _joined(pieces: Iterable[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    """Rules whose pieces were drawn one by one."""
    rows: list[list[tuple[float, float, float]]] = []
    for piece in sorted(pieces):
        if rows and piece[0] - rows[-1][0][0] <= _SAME:
            rows[-1].append(piece)
        else:
            rows.append([piece])
    found: list[tuple[float, float, float]] = []
    for row in rows:
        place = row[0][0]
        ends = sorted((start, end) for _, start, end in row)
        start, end = ends[0]
        for next_start, next_end in ends[1:]:
            if next_start > end + _TOUCHING:
                found.append((place, start, end))
                start, end = next_start, next_end
            end = max(end, next_end)
        found.append((place, start, end))
    return found
