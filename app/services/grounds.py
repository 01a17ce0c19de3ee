"""What the sentences of one answer may rest on: the pieces of its passages, as near as they are, as long as they stand
where they are said to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from app.observability.metrics import CITATIONS
from app.services.draft import Draft
from app.services.rereading import PlaceUnread
from pipelines.domain.answers import Passage
from pipelines.domain.documents import Box, PageBox, Word
from pipelines.domain.errors import DependencyUnavailable
from pipelines.ports import Embedder, Vectors
from pipelines.query import extract
from pipelines.query.asked import Asked
from pipelines.query.claims import Claim
from pipelines.query.evidence import Evidence, pieces
from pipelines.query.ground import support
from pipelines.query.relevance import floor_of
from pipelines.query.verify import places, stands

_EXPECTED = 3  # passages that are probably cited


class Pages(Protocol):
    def expect(self, places: Sequence[PageBox], version_id: str) -> None: ...
    async def words(self, version_id: str, page: int, box: Box) -> Sequence[Word]: ...  # PlaceUnread


class Grounds:
    """Of one answer. `embedder` None: there are no vectors, and words alone decide."""

    def __init__(
        self,
        passages: Sequence[Passage],
        embedder: Embedder | None,
        pages: Pages,
        draft: Draft,
        *,
        timeout_s: float,
    ) -> None:
        self._evidence = pieces(passages)
        self._embedder = embedder
        self._pages = pages
        self._draft = draft
        self._timeout_s = timeout_s
        self._floor = floor_of(embedder.model) if embedder else None
        self._vectors: Vectors | None = None  # of the evidence, once they are needed
        self._asked: Vectors | None = None  # the question's vector
        self._refused: set[int] = set()  # of the evidence, by its place in the list
        for passage in passages[:_EXPECTED]:
            pages.expect(passage.source.chunk.boxes, passage.source.chunk.version_id)

    async def of_claim(self, claim: Claim) -> list[Evidence]:
        """The pieces that hold what it says and were found where they are cited; none: unsupported."""
        with self._draft.timings.measure("bind"):
            closeness = await self._closeness(claim)
        while True:
            with self._draft.timings.measure("bind"):
                left = [at for at in range(len(self._evidence)) if at not in self._refused]
                near = closeness[left] if closeness is not None else None
                found = support(claim, [self._evidence[at] for at in left], near)
            if await self._all_stand(found):
                return found

    async def of_question(self, asked: Asked, floor: float | None) -> list[Evidence]:
        """The sentences of the passages that answer it, found where they stand; none when no cosine reaches the floor."""
        while True:
            candidates, meaning = await self._candidates(asked)
            with self._draft.timings.measure("extract"):
                found = extract.best(asked, candidates, meaning, floor)
            if await self._all_stand(found):
                return found

    async def closest(self, asked: Asked) -> float | None:
        """The cosine of the sentence that is nearest to it; None where there are no vectors."""
        return extract.closeness((await self._candidates(asked))[1])

    async def _candidates(self, asked: Asked) -> tuple[list[Evidence], tuple[Vectors, Vectors] | None]:
        with self._draft.timings.measure("extract"):
            left = [piece for at, piece in enumerate(self._evidence) if at not in self._refused]
            candidates = extract.candidates(asked, left)
            if self._asked is None and (embedder := self._embedder) is not None:
                self._asked = await self._embedded(lambda: embedder.embed_query(asked.text))
            vectors = await self._texts([piece.text for piece in candidates])
            return candidates, None if self._asked is None or vectors is None else (self._asked, vectors)

    async def _all_stand(self, found: Sequence[Evidence]) -> bool:
        """Reads each place again; a piece that does not stand there is no evidence from now on."""
        with self._draft.timings.measure("verify"):
            refused = [piece for piece in found if not await self._stands(piece)]
        self._refused |= {at for at, piece in enumerate(self._evidence) if any(piece is each for each in refused)}
        return not refused

    async def _stands(self, piece: Evidence) -> bool:
        chunk = piece.passage.source.chunk
        try:
            cited = places(chunk, piece.start, piece.end)
            held = [stands(each, await self._pages.words(chunk.version_id, each.page, each.box)) for each in cited]
        except PlaceUnread:
            CITATIONS.labels("unread").inc()
            self._draft.degrade("verification")
            return False
        stood = bool(held) and all(held)
        CITATIONS.labels("verified" if stood else "refused").inc()
        return stood

    async def _closeness(self, claim: Claim) -> Vectors | None:
        """The cosine of the claim to each piece of evidence; None where nobody measured what this model's cosines mean."""
        if self._floor is None:
            return None
        if self._vectors is None:
            self._vectors = await self._texts([piece.text for piece in self._evidence])
        said = await self._texts([claim.text])
        return None if self._vectors is None or said is None else self._vectors @ said[0]

    async def _texts(self, texts: Sequence[str]) -> Vectors | None:
        embedder = self._embedder
        return await self._embedded(lambda: embedder.embed_documents(texts)) if embedder else None

    async def _embedded(self, work: Callable[[], Awaitable[Vectors]]) -> Vectors | None:
        """None when the embedder does not answer; it is not asked again for this answer."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await work()
        except (DependencyUnavailable, TimeoutError):
            self._embedder = None
            return None
