"""Chunks that follow a document's layout."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.domain.chunks import Region
from pipelines.domain.documents import Block
from pipelines.ingest.chunk.boundaries import Group, Grouping, Path
from pipelines.ingest.chunk.pieces import Piece, Span, pieces_of
from pipelines.ports import TokenCounter

READ_TOKENS = 254  # what the built-in embedder reads of a text, without its two special tokens
TITLE_TOKENS = 32  # room for the title that stands before the text when it is embedded
PATH_TOKENS = 64  # room for the headings; of a longer path the outermost are left out


def layout_groups(
    blocks: Sequence[Block],
    text: str,
    target: int,
    count_tokens: TokenCounter,
    grouping: Grouping,
) -> list[Group]:
    """The pieces of each chunk with the heading path that it is read under: about `target` tokens, at most READ_TOKENS."""
    longest = READ_TOKENS - TITLE_TOKENS - PATH_TOKENS
    pieces = pieces_of(blocks, text, longest, count_tokens)
    paths = _Paths(pieces, count_tokens)
    groups = grouping(pieces, text, target, lambda path: READ_TOKENS - TITLE_TOKENS - paths.fitted(path)[1])
    return [(together, paths.fitted(path)[0]) for together, path in groups]


class _Paths:
    """Heading paths cut to what there is room for."""

    def __init__(self, pieces: Sequence[Piece], count_tokens: TokenCounter) -> None:
        names = list(dict.fromkeys(name for piece in pieces for name in (*piece.path, *piece.table)))
        self._counts = dict(zip(names, count_tokens([f" > {name}" for name in names]), strict=True))
        self._fitted: dict[Path, tuple[Path, int]] = {}

    def fitted(self, path: Path) -> tuple[Path, int]:
        """The innermost part of the path that fits PATH_TOKENS, and its tokens."""
        if path not in self._fitted:
            kept, tokens = len(path), 0
            while kept and tokens + self._counts[path[kept - 1]] <= PATH_TOKENS:
                kept -= 1
                tokens += self._counts[path[kept]]
            self._fitted[path] = path[kept:], tokens
        return self._fitted[path]


def regions_of(pieces: Sequence[Piece], blocks: Sequence[Block], spans: Sequence[Span]) -> tuple[Region, ...]:
    """The part of each block that the pieces span, with its page and box, in reading order."""
    start, end = pieces[0].start, pieces[-1].end
    return tuple(
        Region(max(start, first), min(end, last), blocks[number].page, blocks[number].box)
        for number in dict.fromkeys(piece.block for piece in pieces)
        for first, last in (spans[number],)
    )
