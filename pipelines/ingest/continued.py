"""Tables that go on over the page: each part stays on its page, under the header of the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipelines.domain.documents import Block, BlockKind
from pipelines.ingest.parse.words import markdown_table

_APART = 0.2  # of the width: boxes end where their words do


def continued(blocks: Sequence[Block]) -> list[Block]:
    """The blocks, in order, with each table that goes on from the page before marked so and headed as that one is.

    A table goes on when it is the first thing on its page, ends no page before its last thing, and has the same columns.
    """
    done: list[Block] = []
    for block in blocks:
        above = done[-1] if done else None
        done.append(
            _headed(block, above.cells[0]) if above is not None and above.cells and _goes_on(above, block) else block
        )
    return done


def _goes_on(above: Block, block: Block) -> bool:
    if not (
        above.kind is block.kind is BlockKind.TABLE and above.cells and block.cells and block.page == above.page + 1
    ):
        return False
    same_columns = len(above.cells[0]) == len(block.cells[0])
    width = max(above.box.x1, block.box.x1) - min(above.box.x0, block.box.x0)
    apart = abs(above.box.x0 - block.box.x0) + abs(above.box.x1 - block.box.x1)
    return same_columns and (apart <= _APART * width or above.cells[0] == block.cells[0])


def _headed(block: Block, header: tuple[str, ...]) -> Block:
    cells = block.cells or ()
    if cells[0] != header:
        cells = (header, *cells)
    return replace(block, text=markdown_table(cells), cells=cells, continues=True)
