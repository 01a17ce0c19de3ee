"""Bytes to characters."""

from __future__ import annotations

import codecs

from pipelines.domain.errors import UnreadableFile

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def decoded(data: bytes, declared: str | None = None) -> str:
    """By the mark at its beginning, then as declared, then as UTF-8, then as Windows and Unix wrote before it.

    UnreadableFile when it is nothing of that.
    """
    for encoding in (
        ("utf-16",) if data.startswith(_UTF16_MARKS) else (_known(declared), "utf-8-sig", "cp1252", "latin-1")
    ):
        try:
            if encoding is not None:
                return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnreadableFile("The file's characters are in an encoding that is not known here.")


def _known(name: str | None) -> str | None:
    """A text encoding of that name; a page in Latin-1 is one in Windows-1252 (Encoding Standard, 4.2)."""
    try:
        found = codecs.lookup(name or "")
    except LookupError:
        return None
    if not found._is_text_encoding or found.name in ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-7"):
        return None
    return "cp1252" if found.name in ("iso8859-1", "ascii") else found.name
