"""Pages on which each chunk's words stand in its boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.services.rereading import PlaceUnread
from pipelines.domain.chunks import Chunk
from pipelines.domain.documents import Box, PageBox, Word


@dataclass
class PrintedPages:
    """Pages of app/services/grounds.py. `torn`: nothing can be read again."""

    words_by_page: dict[tuple[str, int], list[Word]] = field(default_factory=dict)
    torn: bool = False
    read: list[tuple[str, int]] = field(default_factory=list)

    def print(self, chunks: Sequence[Chunk]) -> None:
        for chunk in chunks:
            for region in chunk.regions:
                said = chunk.text[region.start - chunk.start : region.end - chunk.start].split()
                step = (region.box.x1 - region.box.x0) / (len(said) + 1)
                line = [
                    Word(
                        text,
                        Box(region.box.x0 + at * step, region.box.y0, region.box.x0 + (at + 1) * step, region.box.y1),
                    )
                    for at, text in enumerate(said)
                ]
                self.words_by_page.setdefault((chunk.version_id, region.page), []).extend(line)

    def expect(self, places: Sequence[PageBox], version_id: str) -> None:
        """Reads nothing ahead."""

    async def words(self, version_id: str, page: int, box: Box) -> Sequence[Word]:
        self.read.append((version_id, page))
        if self.torn:
            raise PlaceUnread
        return self.words_by_page.get((version_id, page), [])
