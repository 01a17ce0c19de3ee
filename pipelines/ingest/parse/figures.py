"""Figures: pictures, and shapes that stand together as those of a chart do."""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.domain.documents import Box
from pipelines.ingest.parse.lines import around
from pipelines.ingest.parse.page_text import PageText, Word

_NEAR = 15.0  # points between shapes of one figure
_SMALLEST = 24.0  # points, both ways: anything smaller is a mark, a logo, a line's ornament
_LEAST_SHAPES = 3  # without a picture: fewer are a frame or a bar across the page
_MOST_WORDS = 0.25  # of the page's: a figure that holds more is a background
_MOST_OF_PAGE = 0.7  # of its area
_SLIVER = 4.0  # points: a shape that is thinner is drawn text or a rule


def figures_of(page: PageText) -> list[Box] | None:
    """Boxes of the page's figures, top to bottom; None where what is drawn goes all over the page."""
    shapes = [box for box in page.shapes if _is_shape(box, page.words)]
    found = []
    for group in _groups([*((box, True) for box in page.pictures), *((box, False) for box in shapes)]):
        box = around([each for each, _ in group])
        if min(box.x1 - box.x0, box.y1 - box.y0) < _SMALLEST:
            continue
        if len(group) >= _LEAST_SHAPES or any(picture for _, picture in group):
            found.append(box)
    area = page.width * page.height
    for box in found:
        if (box.x1 - box.x0) * (box.y1 - box.y0) > _MOST_OF_PAGE * area:
            return None
        if sum(_inside(word, box) for word in page.words) > _MOST_WORDS * len(page.words):
            return None
    return sorted(found, key=lambda box: box.y0)


def _is_shape(box: Box, words: Iterable[Word]) -> bool:
    """Whether it stands by itself, and is not behind a word: a cell's shade, a button."""
    if max(box.x1 - box.x0, box.y1 - box.y0) < _SLIVER:
        return False
    return not any(_inside(word, box) for word in words)


def _inside(word: Word, box: Box) -> bool:
    return box.x0 <= (word.x0 + word.x1) / 2 <= box.x1 and box.y0 <= (word.y0 + word.y1) / 2 <= box.y1


def _groups(boxes: Iterable[tuple[Box, bool]]) -> list[list[tuple[Box, bool]]]:
    """Boxes by nearness."""
    groups: list[tuple[Box, list[tuple[Box, bool]]]] = []
    for box, picture in sorted(boxes):
        own, members = box, [(box, picture)]
        rest = []
        for outer, inside in groups:
            if _near(outer, own):
                own, members = around([outer, own]), [*inside, *members]
            else:
                rest.append((outer, inside))
        groups = [*rest, (own, members)]
    return [members for _, members in groups]


def _near(one: Box, other: Box) -> bool:
    across = max(one.x0, other.x0) - min(one.x1, other.x1)
    down = max(one.y0, other.y0) - min(one.y1, other.y1)
    return across <= _NEAR and down <= _NEAR
