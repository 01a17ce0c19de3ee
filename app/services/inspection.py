"""What is read of a file, without a server: its blocks, tables and chunks, and pictures of where they stand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.domain.chunks import Chunk
from pipelines.domain.documents import ParsedDocument
from pipelines.ingest import parse, stages
from pipelines.ingest.normalise import normalise
from pipelines.ingest.parse import codec, draw
from pipelines.ports import TokenCounter, Workers


@dataclass(frozen=True, slots=True)
class Inspected:
    media_type: str
    document: ParsedDocument
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True, slots=True)
class Inspection:
    """Reads as an ingest does, up to the redaction, which it leaves out."""

    workers: Workers
    count_tokens: TokenCounter
    ocr: parse.Ocr | None

    async def read(self, path: Path, chunker: str) -> Inspected:
        """Raises UnsupportedType, UnreadableFile and its kinds, FileNotFoundError."""
        media_type = await asyncio.to_thread(parse.detect_media_type, path, path.name)
        pages = await self.workers.run(parse.probe, path, media_type, self.ocr)
        ranges = parse.plan_ranges(pages)
        parts = await asyncio.gather(
            *(self.workers.run(stages.parse_range, path, media_type, each, self.ocr) for each in ranges)
        )
        document = await asyncio.to_thread(lambda: normalise([codec.load(part) for part in parts]))
        chunks = await self.workers.run(
            stages.chunk_document, codec.dump(document), path.name, chunker, self.count_tokens
        )
        return Inspected(media_type, document, tuple(chunks))

    async def pictures(self, path: Path, inspected: Inspected) -> AsyncIterator[tuple[int, bytes]]:
        """Each page's number and PNG. Raises UnsupportedType for files without paper."""
        numbered = list(enumerate(inspected.document.blocks, 1))
        for page in inspected.document.pages:
            blocks = [(order, block) for order, block in numbered if block.page == page.number]
            yield (
                page.number,
                await self.workers.run(draw.page_with_boxes, path, inspected.media_type, page.number, blocks),
            )
