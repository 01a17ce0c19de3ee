"""The smallest parts of a document that a chunk is made of: sentences, table rows, lines, headings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pipelines.domain.documents import Block, BlockKind
from pipelines.ports import TokenCounter
from pipelines.sentences import sentences

SEPARATOR = "\n\n"  # between the blocks of a canonical text

CHARACTERS_PER_TOKEN = 10  # at most: WordPiece makes one token of a word it does not know, be it a megabyte of Base64

_CAPTION = re.compile(r"(?:table|tab\.|exhibit|schedule|chart)\s+[\dA-Z]", re.IGNORECASE)
_LONGEST_CAPTION = 200  # characters

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Piece:
    """Characters [start, end) of the canonical text, inside one block, without white space at its ends.

    `path` is the headings above it, outermost first; `table` the caption and the header of the table that it is a later row
    of.
    """

    start: int
    end: int
    block: int
    kind: BlockKind
    path: tuple[str, ...] = ()
    table: tuple[str, ...] = ()
    level: int = 0  # of a heading
    tokens: int = 0
    captions: int | None = None  # the block of the table that it is the caption of


def block_spans(blocks: Sequence[Block]) -> list[Span]:
    """Where each block stands in the canonical text."""
    spans: list[Span] = []
    position = 0
    for block in blocks:
        spans.append((position, position + len(block.text)))
        position += len(block.text) + len(SEPARATOR)
    return spans


def pieces_of(blocks: Sequence[Block], text: str, longest: int, count_tokens: TokenCounter) -> list[Piece]:
    """Pieces of at most `longest` tokens that together hold every character of `text` but white space."""
    pieces = list(_cut_blocks(blocks))
    done: list[Piece] = []
    while pieces:
        counts = count_tokens([text[piece.start : piece.end] for piece in pieces])
        counted = [
            replace(piece, tokens=max(tokens, (piece.end - piece.start) // CHARACTERS_PER_TOKEN))
            for piece, tokens in zip(pieces, counts, strict=True)
        ]
        done += [piece for piece in counted if piece.tokens <= longest or piece.end - piece.start == 1]
        pieces = [
            half
            for piece in counted
            if piece.tokens > longest and piece.end - piece.start > 1
            for half in _halves(piece, text)
        ]
    return sorted(done, key=lambda piece: piece.start)


def _cut_blocks(blocks: Sequence[Block]) -> Iterator[Piece]:
    headings: list[tuple[int, str]] = []  # (level, text), outermost first
    captions = captions_of(blocks)
    captioned = {caption: table for table, caption in captions.items()}
    named = ""  # the caption of the table that may go on
    for number, (block, (start, _)) in enumerate(zip(blocks, block_spans(blocks), strict=True)):
        if block.kind is BlockKind.HEADING:
            level = block.level or 1
            headings = [(above, heading) for above, heading in headings if above < level]
        path = tuple(heading for _, heading in headings)
        if block.kind is BlockKind.TABLE and not (block.continues and number not in captions):
            named = " ".join(blocks[captions[number]].text.split()) if number in captions else ""
        table = tuple(filter(None, (named, _columns(block)))) if block.kind is BlockKind.TABLE else ()
        for ordinal, (first, last) in enumerate(_cut(block)):
            yield Piece(
                start + first,
                start + last,
                number,
                block.kind,
                path,
                table if ordinal else table[:1] if block.continues and named else (),
                level if block.kind is BlockKind.HEADING else 0,
                captions=captioned.get(number),
            )
        if block.kind is BlockKind.HEADING and block.text.strip():
            headings.append((level, " ".join(block.text.split())))


def captions_of(blocks: Sequence[Block]) -> dict[int, int]:
    """For each table that has one, the block that says what it shows or in which unit: the one before it, or after it."""
    found: dict[int, int] = {}
    for number, block in enumerate(blocks):
        if block.kind is not BlockKind.TABLE:
            continue
        for near in (number - 1, number + 1):
            if (
                0 <= near < len(blocks)
                and near not in found.values()
                and _is_caption(blocks[near], above=near < number)
            ):
                found[number] = near
                break
    return found


def _is_caption(block: Block, *, above: bool) -> bool:
    if block.kind not in (BlockKind.PARAGRAPH, BlockKind.FIGURE) or len(block.text) > _LONGEST_CAPTION:
        return False
    return bool(_CAPTION.match(block.text)) or (above and block.text.endswith((")", ":")))


def _cut(block: Block) -> Iterator[Span]:
    match block.kind:
        case BlockKind.HEADING:
            yield from _matches(r"\S(?:.*\S)?", block.text, re.DOTALL)
        case BlockKind.TABLE:  # the first piece is the header with its rule of dashes
            yield from _matches(r"\S[^\n]*(?:\n[ \t]*\|?[ \t]*:?-[\s|:\-]*(?=\n|\Z))?", block.text)
        case BlockKind.LIST | BlockKind.CODE:
            yield from _matches(r"\S[^\n]*", block.text)
        case _:
            yield from sentences(block.text)


def _matches(pattern: str, text: str, flags: int = 0) -> Iterator[Span]:
    for match in re.finditer(pattern, text, flags):
        yield match.start(), match.start() + len(match.group().rstrip())


def _columns(block: Block) -> str:
    header = block.cells[0] if block.cells else block.text.split("\n", 1)[0].split("|")
    return " | ".join(" ".join(cell.split()) for cell in header if cell.strip())


def _halves(piece: Piece, text: str) -> Iterator[Piece]:
    """Two pieces cut at the white space nearest to the middle, or in the middle of a word that has none."""
    middle = (piece.start + piece.end) // 2
    gaps = [match.start() for match in re.compile(r"\s").finditer(text, piece.start, piece.end)]
    cut = min(gaps, key=lambda gap: abs(gap - middle)) if gaps else middle
    for start, end in ((piece.start, cut), (cut, piece.end)):
        part = text[start:end]
        if bare := part.strip():
            first = start + part.index(bare)
            yield replace(piece, start=first, end=first + len(bare))
