"""From a question to passages that the asker may read, all of one moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from app.services.expansion import Expansion
from app.services.library import Library
from app.services.own_words import OwnWords, Worded
from app.services.resting import Nearest
from app.services.timings import Timings
from pipelines.domain.access import Principal
from pipelines.domain.answers import Passage, Scores
from pipelines.domain.documents import Collection, Generation
from pipelines.domain.errors import DependencyUnavailable, IndexUnavailable
from pipelines.domain.filters import EVERYTHING, Filters
from pipelines.domain.views import Selection
from pipelines.ports import Catalog, Embedders, Hit, Reranker
from pipelines.query.asked import Asked
from pipelines.query.fuse import fuse
from pipelines.query.glossary import Glossary, built_in
from pipelines.query.rerank import rerank

_INDEXES = {"dense": "vectors", "written": "vectors", "keyword": "keywords"}  # by the rankings that show it is there
_CANDIDATES = 150  # of each ranking, at first; as many of all together are looked up in the catalog
_MOST_CANDIDATES = 3_200
_RERANKED = 24  # passages that a model is shown
_MOST_REPEATS = 3  # while documents are replaced under the question


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Passages, best first. `degraded` names what did not answer ("vectors", "keywords", "expansion",
    "reranker").

    `collection` as it was when the search began, and the `revision` of what its asker sees of it. `also`: the other
    collections that the passages are from, where several were asked.
    """

    collection: Collection
    revision: int
    passages: tuple[Passage, ...]
    degraded: tuple[str, ...]
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    cache: str = "none"  # or "retrieval"
    also: tuple[Retrieved, ...] = ()

    @property
    def collections(self) -> tuple[Collection, ...]:
        return (self.collection, *(each.collection for each in self.also))

    @property
    def embedding_model(self) -> str:
        return self.collection.active_generation.embedding_model


class Search(Protocol):
    """What finds passages: `Retrieval`, or something around it."""

    async def search(
        self, principal: Principal, collection: str, query: str, top_k: int = 8, filters: Filters = EVERYTHING
    ) -> Retrieved: ...
    async def occurrences(self, principal: Principal, collection: str, word: str, most: int) -> int: ...


class Retrieval:
    """Dense and keyword search together; the catalog decides what may be seen (the indexes only propose)."""

    def __init__(
        self,
        catalog: Catalog,
        embedders: Embedders,
        vectors: Nearest,
        keywords: Worded,
        *,
        library: Library | None = None,
        glossary: Glossary | None = None,
        reranker: Reranker | None = None,
        expansion: Expansion | None = None,
        index_timeout_s: float = 20,
        rerank_timeout_s: float = 20,
    ) -> None:
        self._catalog = catalog
        self._library = library or Library(catalog)
        self._embedders = embedders
        self._vectors = vectors
        self._keywords = keywords
        self._glossary = built_in() if glossary is None else glossary
        self._own_words = OwnWords(catalog, keywords, self._glossary)
        self._reranker = reranker
        self._expansion = expansion
        self._index_timeout_s = index_timeout_s
        self._rerank_timeout_s = rerank_timeout_s

    async def search(
        self, principal: Principal, collection: str, query: str, top_k: int = 8, filters: Filters = EVERYTHING
    ) -> Retrieved:
        """Raises CollectionNotFound; IndexUnavailable when neither index answers."""
        asked = Asked.of(query, self._glossary)
        limit, repeats, timings = max(_CANDIDATES, 4 * top_k), 0, Timings()
        wanted = top_k if self._reranker is None else max(top_k, _RERANKED)
        degraded: list[str] = []
        if self._expansion is not None:
            with timings.measure("expand"):
                asked = await self._in_other_words(self._expansion, principal, asked, degraded)
        while True:
            with timings.measure("look"):
                shelf = await asyncio.to_thread(self._library.shelf, principal, collection, filters)
            found = shelf.view.collection
            with timings.measure("own_words"):
                own = await self._own_words.of(principal, shelf, query, filters)
            rankings = await self._rank(
                found.active_generation, asked.with_phrases(own), limit, timings, shelf.selection
            )
            fused = fuse({name: hits for name, hits in rankings.items() if hits is not None})[:limit]
            with timings.measure("check"):
                present, seen, best = await asyncio.to_thread(
                    self._check, principal, found.id, fused, filters, shelf.names.named(query), wanted
                )
            full = any(hits is not None and len(hits) >= limit for hits in rankings.values())
            if seen < top_k and full and limit < _MOST_CANDIDATES:
                limit *= 4  # crowded out by what this person may not see
            elif repeats < _MOST_REPEATS and _outrun(found, present, all_seen=seen == len(fused)):
                repeats += 1
            else:
                break
        degraded += dict.fromkeys(index for name, index in _INDEXES.items() if rankings[name] is None)
        if self._reranker is not None:
            with timings.measure("rerank"):
                best = await self._by_model(self._reranker, query, best, degraded)
        timings.mark("retrieve")
        return Retrieved(found, shelf.view.revision, tuple(best[:top_k]), tuple(degraded), timings)

    async def _in_other_words(
        self, expansion: Expansion, principal: Principal, asked: Asked, degraded: list[str]
    ) -> Asked:
        phrases = await expansion.phrases(principal, asked.text)
        if phrases is None:
            degraded.append("expansion")
        return asked.with_phrases(phrases or ())

    async def _by_model(
        self, reranker: Reranker, query: str, passages: list[Passage], degraded: list[str]
    ) -> list[Passage]:
        try:
            async with asyncio.timeout(self._rerank_timeout_s):
                return await reranker.rerank(query, passages)
        except (DependencyUnavailable, TimeoutError):
            degraded.append("reranker")
            return passages

    async def _rank(
        self,
        generation: Generation,
        asked: Asked,
        limit: int,
        timings: Timings,
        within: Selection | None = None,
    ) -> dict[str, list[Hit] | None]:
        """By name of the ranking; None for one whose index does not answer."""
        words = self._keywords.query(generation, asked.text, limit, within, asked.phrases)
        named = self._keywords.query(generation, " ".join(asked.identifiers), limit, within)
        dense, written, keyword, exact = await asyncio.gather(
            self._hits(self._dense(generation, asked.text, limit, within), "dense", timings),
            self._hits(self._dense(generation, asked.written, limit, within), "written", timings),
            self._hits(words, "keyword", timings),
            self._hits(named, "exact", timings),
        )
        if dense is None and keyword is None:
            raise IndexUnavailable("Neither the vector index nor the keyword index answers.")
        return {"dense": dense, "written": written, "keyword": keyword, "exact": exact}

    async def _hits(self, query: Awaitable[list[Hit]], name: str, timings: Timings) -> list[Hit] | None:
        try:
            with timings.measure(name):
                async with asyncio.timeout(self._index_timeout_s):
                    return await query
        except (DependencyUnavailable, TimeoutError):
            return None

    async def ranking(self, generation: Generation, query: str, limit: int, *, dense_only: bool = False) -> list[str]:
        """Ids of chunks as a search under any generation ranks them, seen by nobody. Raises IndexUnavailable."""
        if dense_only:
            return [hit.chunk_id for hit in await self._dense(generation, query, limit)]
        rankings = await self._rank(generation, Asked.of(query, self._glossary), limit, Timings())
        if None in rankings.values():
            raise IndexUnavailable("A ranking cannot be judged while an index does not answer.")
        return [chunk_id for chunk_id, _ in fuse({name: hits for name, hits in rankings.items() if hits is not None})]

    async def occurrences(self, principal: Principal, collection: str, word: str, most: int) -> int:
        """Chunks with the word that the person may read, counted as far as `most`; as many when the index does not answer.

        Raises CollectionNotFound.
        """
        shelf = await asyncio.to_thread(self._library.shelf, principal, collection, EVERYTHING)
        generation = shelf.view.collection.active_generation
        hits = await self._hits(self._keywords.query(generation, word, most, shelf.selection), "subject", Timings())
        return most if hits is None else len(hits)

    async def _dense(
        self, generation: Generation, query: str, limit: int, within: Selection | None = None
    ) -> list[Hit]:
        if not query:
            return []
        vector = await self._embedders.of(generation.embedding_model).embed_query(query)
        return await self._vectors.query(generation, vector, limit, within)

    def _check(
        self,
        principal: Principal,
        collection_id: str,
        fused: Sequence[tuple[str, Scores]],
        filters: Filters,
        named: Mapping[str, float],
        limit: int,
    ) -> tuple[Collection | None, int, list[Passage]]:
        """The collection, how many of the proposals may be seen, and the best of those: all in one snapshot."""
        with self._catalog.read(principal) as uow:
            collection = uow.collections.by_id(collection_id)
            places = uow.chunks.places(principal, collection_id, [chunk_id for chunk_id, _ in fused], filters)
            best = rerank([each for each in fused if each[0] in places], places, named, limit)
            chunks = uow.chunks.visible(principal, collection_id, [chunk_id for chunk_id, _ in best], filters)
        passages = [Passage(chunks[chunk_id], scores.rerank or 0.0, scores) for chunk_id, scores in best]
        return collection, len(places), passages


def _outrun(found: Collection, present: Collection | None, *, all_seen: bool) -> bool:
    """Whether a change went by under the search, so that what answers now may not have been proposed."""
    if present is None or present.active_generation != found.active_generation:
        return True
    return present.revision != found.revision and not all_seen
