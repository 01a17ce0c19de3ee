"""Lines of one column to paragraphs, headings, lists and code, by their letters' style and the space between them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipelines.domain.documents import Block, BlockKind, Box
from pipelines.ingest.parse.lines import Fragment, Line, around, lines_of
from pipelines.ingest.parse.page_text import Word
from pipelines.ingest.parse.prominence import prominence
from pipelines.ingest.parse.words import join

_LARGER = 1.12  # times the body's size: a heading
_HEADING_LENGTH = 200
_HEADING_LINES = 3
_LOOSE = 1.3  # times the usual pitch of lines: another paragraph
_SHORT_OF = 0.12  # of the column's width that the last line of a paragraph leaves free
_BLANK_LINE = 2.3  # times the pitch of code: what is nearer has at most one blank line between
_INDENT = 0.8  # of the letters' size
MARK = re.compile(r"(?:[•●○◦▪■□☐☒✓‣⁃·*–—-]|\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)])")
MARKED = re.compile(MARK.pattern + r"\s+\S")
_BULLETED = re.compile(r"[•●○◦▪■□☐☒✓‣⁃·]\s*\S")


@dataclass(frozen=True, slots=True)
class Body:
    """What most of a column's text looks like."""

    size: float
    bold: bool
    pitch: float
    left: float
    right: float

    @property
    def width(self) -> float:
        return self.right - self.left


def usual(words: Sequence[Word]) -> tuple[float, bool]:
    """Size and weight of most of the page's letters."""
    letters: Counter[tuple[float, bool]] = Counter()
    for word in words:
        letters[word.style.size, word.style.bold] += len(word.text)
    return letters.most_common(1)[0][0]


def body_of(lines: Sequence[Line], size: float, bold: bool) -> Body:
    single = [line for line in lines if len(line.fragments) == 1]
    pitches = Counter(
        round(two.middle - one.middle)
        for one, two in pairwise(single)
        if abs(one.fragments[0].style.size - size) < 0.6 and 0.8 * size < two.middle - one.middle < 2.6 * size
    )
    most = max(pitches.values(), default=0)
    pitch = min((pitch for pitch, count in pitches.items() if count >= 0.4 * most), default=1.2 * size)
    return Body(size, bold, float(pitch), min(line.box.x0 for line in lines), max(line.box.x1 for line in lines))


def text_blocks(lines: Sequence[Line], body: Body, number: int) -> Iterator[Block]:
    """Paragraphs, headings, lists and code of lines without cells."""
    fragments = [each for line in lines for each in ([spaced(line)] if line.monospaced else line.fragments)]
    held: list[Fragment] = []
    for fragment in fragments:
        if held and not _goes_on(held, fragment, body):
            yield _block(held, body, number)
            held = []
        held.append(fragment)
    if held:
        yield _block(held, body, number)


def _goes_on(held: Sequence[Fragment], fragment: Fragment, body: Body) -> bool:
    last = held[-1]
    size = max(last.style.size, fragment.style.size)
    if abs(last.style.size - fragment.style.size) > 0.6 or last.style.monospaced != fragment.style.monospaced:
        return False
    pitch = (fragment.box.y0 + fragment.box.y1 - last.box.y0 - last.box.y1) / 2
    if last.style.monospaced:
        return 0.3 * size < pitch <= _BLANK_LINE * _pitch_of(held)
    if pitch <= 0.3 * size or pitch > _LOOSE * max(body.pitch * size / body.size, 1.05 * size):
        return False
    if _is_heading(held, body) != _is_heading([fragment], body) or (
        MARKED.match(fragment.text) and _begins(held, fragment)
    ):
        return False
    if (
        fragment.box.x0 - last.box.x0 > _INDENT * size
        and fragment.box.x0 - held[0].box.x0 > _INDENT * size
        and not MARKED.match(last.text)
    ):
        return False
    ends = last.text.rstrip(' "”’)').endswith((".", "!", "?", ":"))
    return not (ends and body.right - last.box.x1 > _SHORT_OF * body.width and not fragment.text[:1].islower())


def _begins(held: Sequence[Fragment], fragment: Fragment) -> bool:
    """Whether a line with a mark is an item of a list and not a sentence that happens to begin so."""
    return bool(_BULLETED.match(fragment.text)) or fragment.box.x0 <= held[0].box.x0 + 2


def _is_heading(fragments: Sequence[Fragment], body: Body) -> bool:
    if len(fragments) > _HEADING_LINES or any(each.style.monospaced for each in fragments):
        return False
    text = " ".join(each.text for each in fragments)
    if not re.search(r"[^\W\d_]", text) or len(text) > _HEADING_LENGTH:
        return False
    larger = all(each.style.size >= _LARGER * body.size for each in fragments)
    weighs = (
        all(each.style.bold for each in fragments) and not body.bold and fragments[0].style.size >= 0.95 * body.size
    )
    return larger or (weighs and not text.endswith((",", ";")))


def _block(fragments: Sequence[Fragment], body: Body, number: int) -> Block:
    box = rounded(around([each.box for each in fragments]))
    style = fragments[0].style
    if style.monospaced and len(fragments) > 1:
        return Block(BlockKind.CODE, _code(fragments), number, box)
    text = join([each.text for each in fragments])
    if _is_heading(fragments, body):
        return Block(BlockKind.HEADING, text, number, box, level=prominence(style, text))
    kind = BlockKind.LIST if MARKED.match(text) and not style.monospaced else BlockKind.PARAGRAPH
    return Block(kind, text, number, box)


def paragraphs(words: Sequence[Word], number: int) -> list[Block]:
    """Words that nothing else is known of, as text."""
    if not words:
        return []
    lines = lines_of(words)
    return list(text_blocks(lines, body_of(lines, *usual(words)), number))


def code(lines: Sequence[Line]) -> str:
    """Line by line, spaced as it stands."""
    return _code([spaced(line) for line in lines])


def spaced(line: Line) -> Fragment:
    """A line of letters that are all as wide as each other, with the spaces that its gaps have room for."""
    first, *rest = line.fragments
    letter = _letter(line.fragments)
    text, edge = first.text, first.box.x1
    for fragment in rest:
        text += " " * max(1, round((fragment.box.x0 - edge) / letter)) + fragment.text
        edge = fragment.box.x1
    return Fragment(line.box, text, first.style)


def _letter(fragments: Sequence[Fragment]) -> float:
    return max((each.box.x1 - each.box.x0) / len(each.text) for each in fragments)


def _code(fragments: Sequence[Fragment]) -> str:
    left = min(each.box.x0 for each in fragments)
    letter, pitch = _letter(fragments), _pitch_of(fragments)
    shown = [" " * round((each.box.x0 - left) / letter) + each.text for each in fragments]
    ends = [max(1, round((two.box.y1 - one.box.y1) / pitch)) for one, two in pairwise(fragments)]
    return "".join(line + "\n" * end for line, end in zip(shown, [*ends, 0], strict=True))


def _pitch_of(fragments: Sequence[Fragment]) -> float:
    """From line to line; of a single line as it would be."""
    return min(
        (below.box.y1 - above.box.y1 for above, below in pairwise(fragments) if below.box.y1 > above.box.y1 + 1),
        default=1.2 * fragments[0].style.size,
    )


def rounded(box: Box) -> Box:
    return Box(*(round(edge, 2) for edge in box))
