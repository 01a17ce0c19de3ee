"""A page of a document without paper, drawn from what was read of it.

A "page" may be a whole book: only the neighbourhood of the marked places is drawn.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

from pipelines.domain.documents import Block, BlockKind, Box
from pipelines.domain.errors import PageNotFound
from pipelines.ingest.parse import codec

_WIDTH, _MARGIN, _TALLEST = 595, 36, 5_000  # points
_DPI = 110
_BEFORE, _AFTER = 800, 2_400  # characters around the marked places
_CUT = '<p class="cut">…</p>'
_STYLE = """
body { font-family: sans-serif; font-size: 10pt; line-height: 1.4 }
h1 { font-size: 15pt } h2 { font-size: 13pt } h3 { font-size: 11pt }
table { border-collapse: collapse }
td { border: 0.5pt solid #999999; padding: 2pt 5pt }
.marked, .marked td { background-color: #ffec80 }
.cut { color: #777777 }
"""


def reading_picture(path: Path, number: int, marked: Sequence[Box] = ()) -> bytes:
    """A PNG of a page (from 1) of a stored reading (codec.py), the blocks in the marked boxes with a marker. PageNotFound."""
    blocks = [block for block in codec.load(path.read_bytes()).blocks if block.page == number]
    if not blocks:
        raise PageNotFound
    chosen = {at for box in marked for at in _standing_in(box, blocks)}
    first, end = _window([len(block.text) for block in blocks], chosen)
    shown = "".join(_html(block, at in chosen) for at, block in enumerate(blocks[first:end], first))
    return _drawn(f"{_CUT if first else ''}{shown}{_CUT if end < len(blocks) else ''}")


def _standing_in(box: Box, blocks: Sequence[Block]) -> list[int]:
    """Those with this very box, or those inside it: a shape's paragraphs share the shape's place."""
    return [at for at, block in enumerate(blocks) if block.box == box] or [
        at for at, block in enumerate(blocks) if box.holds(block.box.centre)
    ]


def _window(sizes: Sequence[int], chosen: set[int]) -> tuple[int, int]:
    """From the first to behind the last block that is drawn, for their sizes in characters."""
    first, end = (min(chosen), max(chosen) + 1) if chosen else (0, 0)
    room = _BEFORE
    while first and room > 0:
        first -= 1
        room -= sizes[first]
    room = _AFTER
    while end < len(sizes) and room > 0:
        room -= sizes[end]
        end += 1
    return first, end


def _html(block: Block, marked: bool) -> str:
    mark = ' class="marked"' if marked else ""
    if block.cells is not None:
        rows = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in block.cells)
        return f"<table{mark}>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"
    text = escape(block.text)
    match block.kind:
        case BlockKind.HEADING:
            level = min(block.level or 1, 3)
            return f"<h{level}{mark}>{text}</h{level}>"
        case BlockKind.LIST:
            return f"<ul{mark}><li>{text}</li></ul>"
        case BlockKind.CODE:
            return f"<pre{mark}>{text}</pre>"
        case _:
            return f"<p{mark}>{text}</p>"


def _drawn(html: str) -> bytes:
    """The text's fonts come with MuPDF; nothing is fetched. What is taller than a sheet may be is cut off."""
    from pipelines.ingest.parse.mupdf import pymupdf

    story = pymupdf.Story(html, user_css=_STYLE)
    _, (_, _, _, bottom) = story.place(pymupdf.Rect(_MARGIN, _MARGIN, _WIDTH - _MARGIN, _TALLEST - _MARGIN))
    paper = io.BytesIO()
    writer = pymupdf.DocumentWriter(paper)
    story.draw(writer.begin_page(pymupdf.Rect(0, 0, _WIDTH, bottom + _MARGIN)))
    writer.end_page()
    writer.close()
    with pymupdf.open("pdf", paper.getvalue()) as document:
        return bytes(document[0].get_pixmap(dpi=_DPI).tobytes("png"))
