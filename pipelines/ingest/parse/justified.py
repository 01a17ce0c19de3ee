"""Lines of justified text whose gaps are so wide that they look like those between cells.

A line that is set to the column's width has the same gap between all of its words, and stands against a line of the same
paragraph.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from pipelines.ingest.parse.page_text import Word

_UNEVEN = 0.15  # of the letters' size that gaps of one line may differ: overhanging letters, rounding
_WIDEST = 4.0  # times the letters' size
_WIDEST_OF_TWO = 2.0  # and in a line of two words, whose one gap is like itself
_EDGE = 1.5  # points that ends of lines are off
_PITCH = 2.2  # times the letters' size: lines of one paragraph are no further apart
_SAME_SIZE = 0.3  # points


def may_be_stretched(words: Sequence[Word]) -> bool:
    """Whether a line's words, from left to right, are as far apart as each other, and are no row of numbers or titles."""
    gaps = [two.x0 - one.x1 for one, two in pairwise(words)]
    size = words[0].style.size
    if not gaps or max(gaps) - min(gaps) > _UNEVEN * size or any(word.style.size != size for word in words):
        return False
    if max(gaps) > (_WIDEST if len(gaps) > 1 else _WIDEST_OF_TWO) * size:
        return False
    plain = sum(not (word.text[0].isupper() or any(map(str.isdigit, word.text))) for word in words[1:])
    return plain >= 0.5 * (len(words) - 1)


def is_held(line: Sequence[Word], neighbour: Sequence[Word], *, above: bool) -> bool:
    """Whether the neighbour, without wide gaps, is another line of the paragraph. The line above may be indented and
    reaches as far to the right; the line below begins at the same edge and may end earlier.
    """
    left, right = line[0].x0, max(word.x1 for word in line)
    other_left, other_right = neighbour[0].x0, max(word.x1 for word in neighbour)
    size = line[0].style.size
    if abs(neighbour[0].style.size - size) > _SAME_SIZE or abs(neighbour[0].y1 - line[0].y1) > _PITCH * size:
        return False
    if above:
        return abs(other_right - right) <= _EDGE and other_left >= left - _EDGE
    indented = left - other_left  # of a paragraph's first line
    return -_EDGE <= indented <= 3 * size and other_right <= right + _EDGE
