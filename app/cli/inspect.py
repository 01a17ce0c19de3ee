"""`cairn inspect`: what Cairn reads in a file, to be looked at."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from app.bootstrap.inspection import inspection
from app.cli import show
from app.cli.exits import Failure
from app.services.inspection import Inspected
from app.settings import Settings
from pipelines.domain.documents import Block, Box
from pipelines.domain.errors import CairnError
from pipelines.ingest.chunk import CHUNKER

_SHOWN = 100  # characters of a block or chunk


def run(settings: Settings, file: Path, draw: Path | None, chunker: str | None, *, as_json: bool) -> None:
    """Raises Failure."""
    try:
        inspected = asyncio.run(_inspect(settings, file, draw, chunker or CHUNKER))
    except CairnError as error:
        raise Failure(f"{file}: {error.detail} ({error.code})") from error
    except OSError as error:
        raise Failure(f"{error.filename or file}: {error.strerror}.") from error
    if as_json:
        show.as_json(_json(file, inspected))
    else:
        _print(file, inspected)
        if draw is not None:
            show.out.print(f"\nPages with their boxes are in {draw}.", highlight=False)


async def _inspect(settings: Settings, file: Path, draw: Path | None, chunker: str) -> Inspected:
    async with inspection(settings) as reading:
        inspected = await reading.read(file, chunker)
        if draw is not None:
            await asyncio.to_thread(draw.mkdir, parents=True, exist_ok=True)
            async for number, picture in reading.pictures(file, inspected):
                await asyncio.to_thread((draw / f"page-{number:04}.png").write_bytes, picture)
        return inspected


def _print(file: Path, inspected: Inspected) -> None:
    document, chunks = inspected.document, inspected.chunks
    tables = [block for block in document.blocks if block.cells]
    show.out.print(
        f"[bold]{escape(file.name)}[/]  {inspected.media_type}, {len(document.pages)} pages, {len(document.blocks)} blocks, "
        f"{len(tables)} tables, {len(chunks)} chunks",
        highlight=False,
    )
    blocks = Table("#", "page", "kind", "box", "text", box=None, header_style="bold")
    for order, block in enumerate(document.blocks, 1):
        kind = f"{block.kind} {block.level}" if block.level else str(block.kind)
        blocks.add_row(str(order), str(block.page), kind, _box(block.box), escape(_shortened(block.text)))
    show.out.print(blocks)
    for order, block in enumerate(document.blocks, 1):
        if block.cells:
            show.out.print(_grid(order, block))
    rows = Table("chunk", "pages", "tokens", "under", "text", box=None, header_style="bold")
    for chunk in chunks:
        pages = f"{chunk.page_start}" if chunk.page_start == chunk.page_end else f"{chunk.page_start}-{chunk.page_end}"
        path = escape(" > ".join(chunk.heading_path))
        rows.add_row(str(chunk.ordinal), pages, str(chunk.token_count), path, escape(_shortened(chunk.text)))
    show.out.print(rows)


def _grid(order: int, block: Block) -> Table:
    header, *rows = block.cells or ((),)
    grid = Table(*map(escape, header), title=f"Table, block {order}, page {block.page}", title_justify="left")
    for row in rows:
        grid.add_row(*map(escape, row))
    return grid


def _box(box: Box) -> str:
    return " ".join(f"{edge:.0f}" for edge in box)


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"


def _json(file: Path, inspected: Inspected) -> dict[str, Any]:
    document = inspected.document
    return {
        "file": file.name,
        "media_type": inspected.media_type,
        "title": document.title,
        "pages": [asdict(page) for page in document.pages],
        "blocks": [{"order": order, **asdict(block)} for order, block in enumerate(document.blocks, 1)],
        "chunks": [
            {
                "ordinal": chunk.ordinal,
                "page_start": chunk.page_start,
                "page_end": chunk.page_end,
                "heading_path": chunk.heading_path,
                "start": chunk.start,
                "end": chunk.end,
                "tokens": chunk.token_count,
                "text": chunk.text,
            }
            for chunk in inspected.chunks
        ],
    }
