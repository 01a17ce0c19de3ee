"""What can be told of a file without reading it whole. Cheap enough for the server's own process."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import NamedTuple

from pipelines.ingest.parse.media_types import IMAGES, PDF

_TAIL = 2048  # bytes: where readers look for %%EOF


class PageRange(NamedTuple):
    """Pages from 1, both ends included."""

    first: int
    last: int


def suspicious(path: Path, media_type: str) -> bool:
    """Whether a file should be opened before it is taken: a picture, a PDF that looks encrypted or damaged."""
    if media_type in IMAGES:
        return True
    if media_type != PDF or path.stat().st_size == 0:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        tail = data[-_TAIL:]
        whole = b"%%EOF" in tail and b"startxref" in tail and data.find(b" obj") >= 0
        return not whole or data.find(b"/Encrypt") >= 0


def plan_ranges(pages: int, size: int = 16) -> list[PageRange]:
    """All pages, in ranges of `size`: what is parsed, kept and retried together."""
    return [PageRange(first, min(first + size - 1, pages)) for first in range(1, pages + 1, size)]
