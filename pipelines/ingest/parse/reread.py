"""What stands at a place, read again: light enough for a question to wait for. Runs in worker processes.

It loads no network and analyses nothing, so it shares none of the parser's mistakes.
"""

from __future__ import annotations

from pathlib import Path

from pipelines.domain.documents import Box, Word
from pipelines.domain.errors import UnreadableFile
from pipelines.ingest.parse import codec
from pipelines.ingest.parse.ocr import FEW_CHARACTERS


def words_of_page(path: Path, number: int) -> list[Word] | None:
    """All words of a PDF's page (from 1), in the file's order; None for a page that is a picture. Raises UnreadableFile."""
    import pymupdf

    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)
    try:
        with pymupdf.open(path, filetype="pdf") as document:
            page = document[number - 1]
            page.remove_rotation()  # as the parser does
            found = page.get_text("words", flags=pymupdf.TEXTFLAGS_WORDS)
    except MemoryError:
        raise
    except Exception as error:  # MuPDF's errors have no common ancestor but Exception
        raise UnreadableFile from error
    words = [Word(text, Box(x0, y0, x1, y1)) for x0, y0, x1, y1, text, *_ in found]
    return words if sum(len(word.text) for word in words) >= FEW_CHARACTERS else None


def blocks_in_box(path: Path, number: int, box: Box) -> list[Word]:
    """Blocks of a stored reading (codec.py) that stand in a box of a page (from 1)."""
    return [
        Word(block.text, block.box)
        for block in codec.load(path.read_bytes()).blocks
        if block.page == number and box.holds(block.box.centre)
    ]
