"""The order in which a page is read: a recursive X-Y cut (Nagy and Seth 1984) that keeps columns whole.

A plain X-Y cut takes a gap that happens to run across two columns for the end of both. Here a page is cut into stripes,
and neighbouring stripes are put together again for as long as one gutter runs down all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from pipelines.domain.documents import Box

T = TypeVar("T")

_GUTTER = 6.0  # points: the narrowest gap between columns
_COLUMN = 0.15  # of the width of what is cut: anything narrower is no column
_OVERLAP = 2.0  # points that lines of neighbouring blocks may overlap


def in_reading_order(items: Sequence[T], box_of: Callable[[T], Box]) -> list[T]:
    """The same items, sorted: columns left to right, each from top to bottom. How they came does not matter."""
    if len(items) < 2:
        return list(items)
    items = sorted(items, key=box_of)  # so that those of equal height or edge have an order, too
    stripes = list(_stripes(items, box_of))
    found: list[T] = []
    while stripes:
        together = stripes.pop(0)
        while stripes and _gutter([*together, *stripes[0]], box_of) is not None:
            together += stripes.pop(0)
        gutter = _gutter(together, box_of)
        if gutter is not None:
            left = [item for item in together if box_of(item).x1 <= gutter]
            right = [item for item in together if box_of(item).x1 > gutter]
            found += in_reading_order(left, box_of) + in_reading_order(right, box_of)
        else:
            found += sorted(together, key=lambda item: (round(box_of(item).y0), box_of(item).x0))
    return found


def _stripes(items: Sequence[T], box_of: Callable[[T], Box]) -> Iterator[list[T]]:
    """Groups from top to bottom with empty space between them."""
    stripe: list[T] = []
    bottom = 0.0
    for item in sorted(items, key=lambda item: box_of(item).y0):
        box = box_of(item)
        if stripe and box.y0 > bottom - _OVERLAP:
            yield stripe
            stripe = []
        bottom = max(bottom, box.y1) if stripe else box.y1
        stripe.append(item)
    if stripe:
        yield stripe


def _gutter(items: Sequence[T], box_of: Callable[[T], Box]) -> float | None:
    """Where (x) a gap runs down between two columns, or None."""
    boxes = sorted((box_of(item) for item in items), key=lambda box: box.x0)
    left, right = boxes[0].x0, max(box.x1 for box in boxes)
    narrowest = _COLUMN * (right - left)
    edge = boxes[0].x1
    for box in boxes[1:]:
        if box.x0 - edge >= _GUTTER and edge - left >= narrowest and right - box.x0 >= narrowest:
            return edge
        edge = max(edge, box.x1)
    return None
