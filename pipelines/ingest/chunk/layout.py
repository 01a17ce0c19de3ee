"""Chunks that follow a document's layout."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from pipelines.domain.chunks import Region
from pipelines.domain.documents import Block
from pipelines.ingest.chunk.boundaries import Boundaries, group, layout_boundaries
from pipelines.ingest.chunk.pieces import Piece, Span, pieces_of
from pipelines.ports import TokenCounter

READ_TOKENS = 254  # what the built-in embedder reads of a text, without its two special tokens
TITLE_TOKENS = 32  # room for the title that stands before the text when it is embedded
PATH_TOKENS = 64  # room for the headings; of a longer path the outermost are left out


def context_of(pieces: Sequence[Piece]) -> tuple[str, ...]:
    """The headings above all of these pieces, and the columns of a table whose header is not among them."""
    levels = zip(*(piece.path for piece in pieces), strict=False)
    path = tuple(names[0] for names in takewhile(lambda names: len(set(names)) == 1, levels))
    return (*path, pieces[0].columns) if pieces[0].columns else path


def layout_groups(
    blocks: Sequence[Block],
    text: str,
    target: int,
    count_tokens: TokenCounter,
    boundaries: Boundaries = layout_boundaries,
) -> list[tuple[Sequence[Piece], tuple[str, ...]]]:
    """The pieces of each chunk with the heading path that it is read under: about `target` tokens, at most READ_TOKENS."""
    longest = READ_TOKENS - TITLE_TOKENS - PATH_TOKENS
    pieces = pieces_of(blocks, text, longest, count_tokens)
    contexts = _Contexts(pieces, count_tokens)

    def fits(candidate: Sequence[Piece]) -> bool:
        room = READ_TOKENS - TITLE_TOKENS - contexts.tokens(context_of(candidate))
        # Counted piece by piece: a few tokenisers make one token more of the white space between.
        return sum(piece.tokens for piece in candidate) + len(candidate) - 1 <= room

    groups = group(pieces, boundaries(pieces, text), target, fits)
    return [(pieces, contexts.fitted(context_of(pieces))) for pieces in groups]


class _Contexts:
    """Heading paths cut to what there is room for."""

    def __init__(self, pieces: Sequence[Piece], count_tokens: TokenCounter) -> None:
        names = list(dict.fromkeys(name for piece in pieces for name in (*piece.path, piece.columns)))
        counts = count_tokens([f" > {name}" for name in names])
        self._counts = dict(zip(names, counts, strict=True))
        self._fitted: dict[tuple[str, ...], tuple[str, ...]] = {}

    def fitted(self, context: tuple[str, ...]) -> tuple[str, ...]:
        if context not in self._fitted:
            kept: list[str] = []
            room = PATH_TOKENS
            for name in reversed(context):
                if self._counts[name] > room:
                    break
                room -= self._counts[name]
                kept.append(name)
            self._fitted[context] = tuple(reversed(kept))
        return self._fitted[context]

    def tokens(self, context: tuple[str, ...]) -> int:
        return sum(self._counts[name] for name in self.fitted(context))


def regions_of(pieces: Sequence[Piece], blocks: Sequence[Block], spans: Sequence[Span]) -> tuple[Region, ...]:
    """The part of each block that the pieces span, with its page and box, in reading order."""
    start, end = pieces[0].start, pieces[-1].end
    return tuple(
        Region(max(start, first), min(end, last), blocks[number].page, blocks[number].box)
        for number in dict.fromkeys(piece.block for piece in pieces)
        for first, last in (spans[number],)
    )
