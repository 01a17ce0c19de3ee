"""Markdown that says what it is given, whatever characters are in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """ "" when there is no row."""
    lines = [_row(cells) for cells in rows]
    return "\n".join([_row(head), _row(["---"] * len(head)), *lines]) + "\n" if lines else ""


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def escaped(text: str) -> str:
    """As it is read; what is in backticks stays."""
    parts = text.split("`")
    outside = [
        part.replace("<", "&lt;").replace("*", "\\*") if number % 2 == 0 else part for number, part in enumerate(parts)
    ]
    return "`".join(outside)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"
