"""Models and an index that do as a test says."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipelines.domain.chunks import Chunk
from pipelines.domain.documents import Generation
from pipelines.domain.errors import IndexUnavailable, ModelUnavailable
from pipelines.domain.views import Selection
from pipelines.ports import Hit, Message, Vectors


@dataclass
class ScriptedChat:
    """Says `says`, word by word. `fails_after`: words until it is gone; `hangs_after`: until it says nothing more."""

    says: str = ""
    fails_after: int | None = None
    hangs_after: int | None = None
    there: bool = True
    asked: list[Sequence[Message]] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)  # set when the listener is gone, or all is said

    @property
    def name(self) -> str:
        return "scripted"

    async def available(self) -> bool:
        return self.there

    async def stream(self, messages: Sequence[Message]) -> AsyncGenerator[str, None]:
        self.asked.append(messages)
        try:
            for number, word in enumerate(re.findall(r"\S+\s*", self.says)):
                if number == self.fails_after:
                    raise ModelUnavailable
                if number == self.hangs_after:
                    await asyncio.Event().wait()
                yield word
        finally:
            self.left.set()


@dataclass
class MemoryIndex:
    """VectorIndex of pipelines/ports.py. `dead`: does not answer; `blind`: to selections, as one that has no room for them;
    `meanwhile` happens while a question is answered.
    """

    rows: dict[str, tuple[str, Vectors]] = field(default_factory=dict)
    dead: bool = False
    blind: bool = False
    hangs: bool = False
    meanwhile: Callable[[], Awaitable[None]] | None = None
    limits: list[int] = field(default_factory=list)

    async def upsert(self, generation: Generation, rows: Sequence[Chunk], vectors: Vectors) -> None:
        self.rows |= {chunk.id: (chunk.version_id, vector) for chunk, vector in zip(rows, vectors, strict=True)}

    async def query(
        self, generation: Generation, vector: Vectors, limit: int, within: Selection | None = None
    ) -> list[Hit]:
        await self.ping()
        self.limits.append(limit)
        hits = [
            Hit(id_, float(np.dot(own, vector)))
            for id_, (version_id, own) in self.rows.items()
            if within is None or self.blind or version_id in within.version_ids
        ]
        if self.meanwhile is not None:
            await self.meanwhile()
        return sorted(hits, key=lambda hit: -hit.score)[:limit]

    async def chunk_ids(self, generation: Generation, version_id: str) -> set[str]:
        return {id_ for id_, (version, _) in self.rows.items() if version == version_id}

    async def delete_version(self, generation: Generation, version_id: str) -> None:
        self.rows = {id_: row for id_, row in self.rows.items() if row[0] != version_id}

    async def drop(self, generation: Generation) -> None:
        self.rows.clear()

    async def ping(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.dead:
            raise IndexUnavailable
