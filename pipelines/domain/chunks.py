"""Chunks: what is embedded, searched and cited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pipelines.domain.documents import Box, PageBox


class Region(NamedTuple):
    """Where characters [start, end) of the canonical text stand on paper."""

    start: int
    end: int
    page: int
    box: Box


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage of a version's canonical text: `canonical_text[start:end] == text`, always.

    `chunker` names the method and its parameters. `heading_path` is the headings above it, outermost first.
    `regions` are in reading order and cover the text.
    """

    id: str
    version_id: str
    chunker: str
    ordinal: int
    text: str
    start: int
    end: int
    heading_path: tuple[str, ...]
    regions: tuple[Region, ...]
    token_count: int

    @property
    def page_start(self) -> int:
        return min(region.page for region in self.regions)

    @property
    def page_end(self) -> int:
        return max(region.page for region in self.regions)

    @property
    def boxes(self) -> tuple[PageBox, ...]:
        return tuple(dict.fromkeys(PageBox(region.page, region.box) for region in self.regions))

    def embedding_text(self, title: str) -> str:
        """What the embedder reads: the chunk under its title and headings."""
        named = " ".join(title.replace("_", " ").split())  # many titles are names of files
        context = " > ".join((named, *self.heading_path)) if named else " > ".join(self.heading_path)
        return f"{context}\n{self.text}" if context else self.text
