"""What figures show, in words, where the operator has named a model that looks at pictures.

The description stands after the figure's caption in its block: it is redacted, searched and cited with the figure's box. It
is not on the page, so a sentence that quotes it is not shown as one of the document's.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pipelines.domain.documents import Block, BlockKind
from pipelines.ingest.parse import codec, draw
from pipelines.ingest.parse.media_types import IMAGES, PDF
from pipelines.model_ports import PictureReader
from pipelines.ports import Workers


class Figures:
    def __init__(self, reader: PictureReader, workers: Workers) -> None:
        self._reader = reader
        self._workers = workers

    @property
    def name(self) -> str:
        """Of the method: what another one has read is read anew."""
        return self._reader.name

    async def described(self, parsed: bytes, path: Path, media_type: str) -> bytes:
        """Parsed pages, each figure that has a caption or words with what it shows. Raises ModelUnavailable."""
        if media_type not in (PDF, *IMAGES):
            return parsed
        document = codec.load(parsed)
        blocks = [
            await self._described(block, path, media_type) if block.kind is BlockKind.FIGURE else block
            for block in document.blocks
        ]
        return codec.dump(replace(document, blocks=tuple(blocks)))

    async def _described(self, block: Block, path: Path, media_type: str) -> Block:
        picture = await self._workers.run(draw.page_picture, path, media_type, block.page, (), block.box)
        said = " ".join((await self._reader.describe(picture, block.text)).split())
        return replace(block, text=f"{block.text} {said}".strip())
