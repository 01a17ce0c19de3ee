"""Pages of stored documents as pictures, drawn when somebody looks at them: nothing of them is kept, so nothing is left."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.domain.documents import Box, Version
from pipelines.ingest.parse import draw
from pipelines.ports import Blobs, Workers


class PagePictures:
    def __init__(self, blobs: Blobs, workers: Workers) -> None:
        self._blobs = blobs
        self._workers = workers

    async def png(self, version: Version, number: int, marked: Sequence[Box], area: Box | None) -> bytes:
        """A page (from 1) with boxes marked, or an area of it. Raises UnsupportedType, PageNotFound, UnreadableFile."""
        async with self._blobs.local(version.blob_key) as path:
            return await self._workers.run(draw.page_picture, path, version.media_type, number, marked, area)
