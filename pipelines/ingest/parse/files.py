"""What can be told of a file without reading it whole. Cheap enough for the server's own process."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import NamedTuple

PDF, MARKDOWN, TEXT = "application/pdf", "text/markdown", "text/plain"

_MARKDOWN_SUFFIXES = (".md", ".markdown", ".mdown")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_NOT_TEXT = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1b")  # control characters that text does not hold
_HEAD, _TAIL = 1024, 2048  # where readers look for %PDF- and %%EOF


class PageRange(NamedTuple):
    """Pages from 1, both ends included."""

    first: int
    last: int


def detect_media_type(head: bytes, filename: str) -> str | None:
    """By the first bytes, then by the name; None when it is nothing that is read here.

    A PDF may begin with other bytes (ISO 32000-1, note to 7.5.2): the header counts within the first 1,024.
    """
    if b"%PDF-" in head[:_HEAD]:
        return PDF
    if not head.startswith(_UTF16_MARKS) and _NOT_TEXT & set(head):
        return None
    return MARKDOWN if filename.lower().endswith(_MARKDOWN_SUFFIXES) else TEXT


def suspicious(path: Path, media_type: str) -> bool:
    """Whether a PDF looks encrypted or damaged from outside, so that it should be opened before it is taken."""
    if media_type != PDF or path.stat().st_size == 0:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        tail = data[-_TAIL:]
        whole = b"%%EOF" in tail and b"startxref" in tail and data.find(b" obj") >= 0
        return not whole or data.find(b"/Encrypt") >= 0


def plan_ranges(pages: int, size: int = 16) -> list[PageRange]:
    """All pages, in ranges of `size`: what is parsed, kept and retried together."""
    return [PageRange(first, min(first + size - 1, pages)) for first in range(1, pages + 1, size)]
