"""Comma-separated values (RFC 4180) and their kin, with whatever separator the file has. One page: a sheet."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from pipelines.domain.documents import Page, ParsedDocument
from pipelines.domain.errors import UnreadableFile
from pipelines.ingest.parse.characters import decoded
from pipelines.ingest.parse.files import PageRange
from pipelines.ingest.parse.sheets import blocks_of, cleaned

_SAMPLE = 64 * 1024  # characters
_SEPARATORS = ",;\t|"
_LONGEST_FIELD = 1024 * 1024


def page_count(_path: Path) -> int:
    return 1


def parse(path: Path, _pages: PageRange) -> ParsedDocument:
    text = decoded(path.read_bytes())
    csv.field_size_limit(_LONGEST_FIELD)
    try:
        rows = [cleaned(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text))]
    except csv.Error as error:
        raise UnreadableFile("The file's rows cannot be told apart.") from error
    blocks = tuple(blocks_of(rows, 1))
    if not blocks:
        raise UnreadableFile("The file holds no text.")
    page = Page(1, float(max(map(len, rows))), float(len(rows)))
    return ParsedDocument((page,), blocks, paper=False)


def _separator(text: str) -> str:
    """The one that divides the first rows most evenly: into more than one field, as often alike as can be."""
    head = text[:_SAMPLE]
    best, most = ",", 0.0
    for separator in _SEPARATORS:
        widths = [len(row) for row in csv.reader(io.StringIO(head, newline=""), delimiter=separator) if row]
        usual = max(set(widths), key=widths.count, default=1)
        share = widths.count(usual) / max(1, len(widths))
        if usual > 1 and share > most:
            best, most = separator, share
    return best
