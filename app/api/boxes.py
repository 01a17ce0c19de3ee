"""Boxes in addresses: `x0,y0,x1,y1`, points from the top left."""

from __future__ import annotations

import math

from pipelines.domain.documents import Box
from pipelines.domain.errors import InvalidRequest


def decode(text: str) -> Box:
    """Raises InvalidRequest."""
    try:
        x0, y0, x1, y1 = map(float, text.split(","))
    except ValueError:
        raise InvalidRequest("A box is x0,y0,x1,y1, in points.") from None
    if not all(map(math.isfinite, (x0, y0, x1, y1))) or not (x0 < x1 and y0 < y1):
        raise InvalidRequest("A box is x0,y0,x1,y1, in points, with x0 < x1 and y0 < y1.")
    return Box(x0, y0, x1, y1)
