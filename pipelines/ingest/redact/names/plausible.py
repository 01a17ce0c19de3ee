"""What the model takes for a name and no reader would: figures of tables, and the "S." of "U.S."."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pipelines.domain.privacy import PiiSpan

_FIGURES = re.compile(r"[$€£¥%]|\d,\d{3}|\d\.\d|\(\d")
_NEAR = 4  # characters between parts of one address


def plausible(text: str, spans: Sequence[PiiSpan]) -> Iterator[PiiSpan]:
    """Those that can be what they are said to be. A number alone is part of an address only beside the rest of one."""
    for at, span in enumerate(spans):
        written = text[span.start : span.end]
        letters = sum(map(str.isalpha, written))
        if span.entity == "STREET_ADDRESS":
            beside = [spans[other] for other in (at - 1, at + 1) if 0 <= other < len(spans)]
            if _FIGURES.search(written) or (letters < 2 and not any(_joins(text, span, other) for other in beside)):
                continue
        elif span.entity == "PERSON" and (letters < 2 or text[max(0, span.start - 2) : span.start] == "U."):
            continue
        yield span


def _joins(text: str, span: PiiSpan, other: PiiSpan) -> bool:
    gap = other.start - span.end if other.start >= span.end else span.start - other.end
    return gap <= _NEAR and any(map(str.isalpha, text[other.start : other.end]))
