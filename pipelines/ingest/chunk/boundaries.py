"""Which pieces go together. Optimal breaks by dynamic programming, as Knuth and Plass set lines of a paragraph
(Software: Practice and Experience 11, 1981): a chunk costs how far it is from its target, a break costs what it tears apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise, takewhile

from pipelines.domain.documents import BlockKind
from pipelines.ingest.chunk.pieces import Piece

Path = tuple[str, ...]
"""Headings, outermost first, and last the caption and the columns of a table whose header is not in the chunk."""

Boundaries = Callable[[Sequence[Piece], str], Sequence[float]]
"""The cost of a break after each piece of a text. 0 is indifferent, 1 as bad as a nearly empty chunk, below 0 wanted."""

Room = Callable[[Path], int]
"""Tokens that a group may have under a path."""

Group = tuple[Sequence[Piece], Path]
"""The pieces of a chunk, in order, and the headings it stands under."""

Grouping = Callable[[Sequence[Piece], str, int, Room], list[Group]]
"""Pieces of a text in groups of about so many tokens, with as many at most as there is room for."""

_INSIDE = {
    BlockKind.PARAGRAPH: 0.4,
    BlockKind.FIGURE: 0.4,
    BlockKind.TABLE: 0.4,
    BlockKind.LIST: 0.5,
    BlockKind.CODE: 0.6,
}
_HEADING_ALONE = 2.0
_BEFORE_HEADING = -0.5


def layout_boundaries(pieces: Sequence[Piece], text: str) -> list[float]:
    """Breaks are wanted before headings, free between blocks, dear inside a block and after words that lead to the
    next block, and worst after a heading."""
    return [*(_cost(piece, following, text) for piece, following in pairwise(pieces)), 0.0]


def _cost(piece: Piece, following: Piece, text: str) -> float:
    if piece.kind is BlockKind.HEADING:
        stands_alone = following.kind is BlockKind.HEADING and following.level <= piece.level
        return _BEFORE_HEADING if stands_alone else _HEADING_ALONE
    if following.kind is BlockKind.HEADING:
        return _BEFORE_HEADING
    if piece.block == following.block:
        return _INSIDE[piece.kind]
    if piece.captions == following.block or following.captions == piece.block:
        return _INSIDE[BlockKind.CODE]
    leads_on = text[piece.end - 1] in ":,;" or text[following.start].islower()  # a list's opening, a page's end
    return _INSIDE[BlockKind.PARAGRAPH] if leads_on else 0.0


def least_cost(boundaries: Boundaries) -> Grouping:
    """The grouping whose breaks and misfits cost least in total."""

    def grouping(pieces: Sequence[Piece], text: str, target: int, room: Room) -> list[Group]:
        return _group(pieces, boundaries(pieces, text), target, room)

    return grouping


def filled(pieces: Sequence[Piece], text: str, target: int, room: Room) -> list[Group]:  # noqa: ARG001  # of no matter here
    """Each group takes what still fits, whatever it is: as recursive splitters merge what they split."""
    groups: list[tuple[list[Piece], Path]] = []
    tokens = 0
    for piece in pieces:
        tokens += piece.tokens + 1
        under = _under(piece) if not groups else _shared(groups[-1][1], piece.path)
        if groups and tokens <= min(target, room(under)):
            groups[-1][0].append(piece)
            groups[-1] = (groups[-1][0], under)
        else:
            groups.append(([piece], _under(piece)))
            tokens = piece.tokens
    return [(together, path) for together, path in groups]


def _under(first: Piece) -> Path:
    """What a group that begins with the piece is read under."""
    return (*first.path, *first.table)


def _group(pieces: Sequence[Piece], costs: Sequence[float], target: int, room: Room) -> list[Group]:
    """The pieces, in order, in groups of about `target` tokens at the least cost in total, each with the headings it
    stands under. A group has at most `room` tokens under its path; a piece alone is always a group.
    """
    best = [0.0]  # least cost of all that ends before piece i
    last: list[tuple[int, Path]] = [(0, ())]  # where the last group of that starts, and its path
    for end in range(1, len(pieces) + 1):
        options: list[tuple[float, int, Path]] = []
        path = pieces[end - 1].path
        tokens = -1
        for start in range(end - 1, -1, -1):
            first = pieces[start]
            path = _shared(path, first.path)
            under = (*path, *first.table)
            tokens += first.tokens + 1  # a few tokenisers make one of the white space between
            if options and tokens > room(under):
                break
            misfit = (1 - tokens / target) ** 2
            options.append((best[start] + misfit + costs[end - 1], start, under))
        cost, start, under = min(options)
        best.append(cost)
        last.append((start, under))
    groups: list[Group] = []
    end = len(pieces)
    while end:
        start, under = last[end]
        groups.append((pieces[start:end], under))
        end = start
    return groups[::-1]


def _shared(left: Path, right: Path) -> Path:
    if left == right:
        return left
    return tuple(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False)))
