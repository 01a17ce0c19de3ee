"""Lines of a page to running text."""

from __future__ import annotations

import re
from collections.abc import Sequence

_LIGATURES = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st", "\u00a0": " ", "\u200b": ""}
)
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_SPACES = re.compile(r"[ \t\r\n\u2000-\u200a\u202f\u3000]+")
_NUMBER = re.compile(r"\d+|\b[ivxlc]+\b")
_BROKEN_WORD = re.compile(r"\w{2,}[-\u2010]$")
_COMPOUND = re.compile(r"\w-\w+-$")  # "state-of-the-": what follows is another of its words
_SHOWN_SOFT_HYPHEN = re.compile(r"\u00ad[-\u2010]?$")
_CONJUNCTION = re.compile(r"(?:and|or|und|oder)\b")


def clean(text: str) -> str:
    """One line of plain characters: ligatures spelled out, spaces single, nothing invisible."""
    return _SPACES.sub(" ", _UNSEEN.sub("", text.translate(_LIGATURES))).strip()


def join(lines: Sequence[str]) -> str:
    """Lines to one text. A word broken at a line's end is mended; a hyphen before a capital or a digit stays, and so
    does one that waits for its word ("night- and daytime").
    """
    text = ""
    for line in filter(None, map(clean, lines)):
        hyphen = _BROKEN_WORD.search(text) and not _CONJUNCTION.match(line)
        if _SHOWN_SOFT_HYPHEN.search(text):
            text = _SHOWN_SOFT_HYPHEN.sub("", text) + line
        elif hyphen and line[0].islower() and not _COMPOUND.search(text):
            text = text[:-1] + line
        elif hyphen and line[0].isalnum():
            text += line
        else:
            text = f"{text} {line}" if text else line
    return text.replace("\u00ad", "")


def shape(text: str) -> str:
    """What running headers share from page to page: the text in small letters, any number a "#"."""
    return _NUMBER.sub("#", text.lower())


def markdown_table(cells: Sequence[Sequence[str]]) -> str:
    """GitHub's Markdown for a table; the first row is the header."""
    rows = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells]
    rule = "|" + " --- |" * len(cells[0])
    return "\n".join([rows[0], rule, *rows[1:]])
