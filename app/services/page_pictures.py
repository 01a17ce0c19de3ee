"""Pages of stored documents as pictures, drawn when somebody looks at them: nothing of them is kept, so nothing is left."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.domain.documents import Box, Version
from pipelines.domain.errors import UnsupportedType
from pipelines.ingest.parse import draw, sketch
from pipelines.ingest.parse.media_types import IMAGES, PDF
from pipelines.ports import Blobs, Workers


class PagePictures:
    """From the original where it has paper; of everything else from its reading, without redacted data."""

    def __init__(self, blobs: Blobs, workers: Workers) -> None:
        self._blobs = blobs
        self._workers = workers

    async def png(self, version: Version, number: int, marked: Sequence[Box], area: Box | None) -> bytes:
        """A page (from 1) with boxes marked, or an area of it. Raises UnsupportedType, PageNotFound, UnreadableFile."""
        if version.media_type in (PDF, *IMAGES):
            async with self._blobs.local(version.blob_key) as path:
                return await self._workers.run(draw.page_picture, path, version.media_type, number, marked, area)
        readings = await self._blobs.keys(f"redacted/{version.id}")
        if area is not None or not readings:
            raise UnsupportedType(
                "Only PDFs and pictures have areas; other files can be drawn when they have been read."
            )
        async with self._blobs.local(readings[-1]) as path:
            return await self._workers.run(sketch.reading_picture, path, number, marked)
