"""Words to lines, and lines to the fragments that wide gaps and rules part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import median

from pipelines.domain.documents import Box
from pipelines.ingest.parse.justified import is_held, may_be_stretched
from pipelines.ingest.parse.page_text import NO_RULES, Rules, Style, Word

_SPACE = 0.12  # of a line's height: a narrower gap is inside a word
_GAP = 0.85  # of a line's height: a wider gap parts cells
_NEAR = 6  # rows back: columns' lines stand at heights of their own
_BESIDE = 0.5  # of the lower one's height: what overlaps so much stands on one line


@dataclass(frozen=True, slots=True)
class Fragment:
    """Words of one line with no wide gap between them."""

    box: Box
    text: str
    style: Style


@dataclass(frozen=True, slots=True)
class Line:
    y0: float
    y1: float
    fragments: tuple[Fragment, ...]

    @property
    def middle(self) -> float:
        return (self.y0 + self.y1) / 2

    @property
    def box(self) -> Box:
        return around([fragment.box for fragment in self.fragments])

    @property
    def text(self) -> str:
        return " ".join(fragment.text for fragment in self.fragments)

    @property
    def monospaced(self) -> bool:
        return all(fragment.style.monospaced for fragment in self.fragments)


def around(boxes: Sequence[Box]) -> Box:
    return Box(
        min(box.x0 for box in boxes),
        min(box.y0 for box in boxes),
        max(box.x1 for box in boxes),
        max(box.y1 for box in boxes),
    )


def lines_of(words: Sequence[Word], rules: Rules = NO_RULES) -> list[Line]:
    """Top to bottom, each from left to right. What stands one over the other is never one line, however close."""
    pieces = [list(own) for _, own in groupby(sorted(words, key=lambda word: word.line), key=lambda word: word.line)]
    rows: list[_Row] = []
    for piece in sorted(pieces, key=lambda piece: sum(_span(piece))):
        row = next((row for row in rows[:-_NEAR:-1] if row.takes(piece)), None)
        if row is None:
            rows.append(_Row(piece, *_span(piece)))
        else:
            row.words += piece
    rows.sort(key=lambda row: row.top + row.bottom)
    sorted_words = [sorted(row.words) for row in rows]
    parted = [list(_parted(words, rules)) for words in sorted_words]
    whole = _stretched(sorted_words, parted)
    return [
        Line(row.top, row.bottom, tuple(map(_fragment, [words] if at in whole else parts)))
        for at, (row, words, parts) in enumerate(zip(rows, sorted_words, parted, strict=True))
    ]


@dataclass(slots=True)
class _Row:
    """Words beside each other; top and bottom are those of the first."""

    words: list[Word]
    top: float
    bottom: float

    def takes(self, piece: Sequence[Word]) -> bool:
        top, bottom = _span(piece)
        if min(bottom, self.bottom) - max(top, self.top) <= _BESIDE * min(bottom - top, self.bottom - self.top):
            return False
        left, right = min(word.x0 for word in piece), max(word.x1 for word in piece)
        return all(word.x1 <= left + 1 or word.x0 >= right - 1 for word in self.words)


def _span(words: Sequence[Word]) -> tuple[float, float]:
    return min(word.y0 for word in words), max(word.y1 for word in words)


def _parted(words: Sequence[Word], rules: Rules) -> Iterator[list[Word]]:
    """A line's words, those with no wide gap and no wall between them together."""
    height = median(word.y1 - word.y0 for word in words)
    y = median((word.y0 + word.y1) / 2 for word in words)
    walls = [x for x, y0, y1 in rules.vertical if y0 <= y - 0.4 * height and y + 0.4 * height <= y1]
    held = [words[0]]
    for word in words[1:]:
        edge = max(each.x1 for each in held)
        if word.x0 - edge > _GAP * height or any(edge - 1 <= wall <= word.x0 + 1 for wall in walls):
            yield held
            held = []
        held.append(word)
    yield held


def _stretched(lines: Sequence[Sequence[Word]], parted: Sequence[Sequence[Sequence[Word]]]) -> set[int]:
    """Which lines are one for all their wide gaps: justified lines that hang together with a line without such gaps."""
    whole = {at for at, parts in enumerate(parted) if len(parts) == 1}
    candidates = [at for at, parts in enumerate(parted) if len(parts) > 1 and may_be_stretched(lines[at])]
    found: set[int] = set()
    for order, away in ((candidates, -1), (reversed(candidates), 1)):  # from line to line, downwards and upwards
        for at in order:
            near = at + away
            if near in whole | found and is_held(lines[at], lines[near], above=away < 0):
                found.add(at)
    return found


def _fragment(words: Sequence[Word]) -> Fragment:
    height = median(word.y1 - word.y0 for word in words)
    text = words[0].text
    for one, two in pairwise(words):
        text += (" " if two.x0 - one.x1 > _SPACE * height else "") + two.text
    letters: Counter[Style] = Counter()
    for word in words:
        letters[word.style] += len(word.text)
    boxes = [Box(word.x0, word.y0, word.x1, word.y1) for word in words]
    return Fragment(around(boxes), text, letters.most_common(1)[0][0])
