"""Whether a new build of a collection may take the place of the one that answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.services.retrieval import Retrieval
from pipelines.domain.answers import CatalogedChunk
from pipelines.domain.chunks import Chunk
from pipelines.domain.documents import Collection, Generation
from pipelines.domain.errors import CollectionNotFound
from pipelines.domain.evaluation import GoldenQuestion, Quality
from pipelines.evaluation.compare import worse
from pipelines.evaluation.measures import mean, quality
from pipelines.ports import Catalog, VectorIndex, Vectors
from pipelines.sentences import sentences
from workflows.events import ReindexRequested
from workflows.steps import StepOutput

_K = 10
_SAMPLE = 200  # chunks whose vectors are looked at
_PROBES = 50  # sentences that must lead back to their chunk
_PROBE_WORDS = (6, 40)
_SAME = 0.99  # mean cosine of vectors that tell nothing apart
_HALF = 0.5  # of what the present build does: below it, a build is broken, whatever the words still find


@dataclass(frozen=True, slots=True)
class ReindexGate:
    """A build passes when its vectors can tell texts apart and, on the collection's golden set, it is not worse."""

    catalog: Catalog
    retrieval: Retrieval
    vectors: VectorIndex
    max_loss: float

    async def evaluate(self, request: ReindexRequested) -> StepOutput:
        """{"refused": why, or "", and the figures of both builds}."""
        old, new, questions = await asyncio.to_thread(self._builds, request)
        sample = await asyncio.to_thread(self._some, new)
        if not sample:
            return {"refused": "", "chunks": 0}
        held = await self.vectors.vectors(new, [chunk.id for chunk in sample])
        if broken := _broken(held, len(sample), new.dimensions):
            return {"refused": broken}
        probes = [probe for chunk in sample if (probe := _probe(chunk))][:_PROBES]
        figures: dict[str, int | str] = {
            "probes": len(probes),
            **await self._found_again(old, new, probes, len(sample)),
        }
        if probes and float(figures["probes_after"]) < _HALF * float(figures["probes_before"]):
            return {"refused": "Its vectors do not lead back to the texts they were made of.", **figures}
        return {**figures, **await self._on_golden_set(old, new, questions)}

    async def _found_again(
        self, old: Generation, new: Generation, probes: Sequence[str], chunks: int
    ) -> dict[str, str]:
        """Shares of sentences whose own chunk is among the nearest few by vectors alone."""
        k = max(1, min(_K, chunks // 20))
        shares = {}
        for name, generation in (("before", old), ("after", new)):
            hits = [await self._leads_back(generation, probe, k) for probe in probes]
            shares[f"probes_{name}"] = f"{np.mean(hits) if hits else 0:.3f}"
        return shares

    async def _leads_back(self, generation: Generation, probe: str, k: int) -> bool:
        ranked = await self.retrieval.ranking(generation, probe, k, dense_only=True)
        return any(probe in found.chunk.text for found in await self._chunks(generation, ranked))

    async def _on_golden_set(
        self, old: Generation, new: Generation, questions: Sequence[GoldenQuestion]
    ) -> dict[str, int | str]:
        if not questions:
            return {"refused": "", "questions": 0}
        before = [await self._quality(old, question) for question in questions]
        after = [await self._quality(new, question) for question in questions]
        lost = [
            name
            for name in ("recall", "ndcg")
            if worse([getattr(each, name) for each in before], [getattr(each, name) for each in after], self.max_loss)
        ]
        figures = _figures(mean(before), mean(after))
        refused = f"It is worse on the golden set: {', '.join(f'{name}@{_K}' for name in lost)}." if lost else ""
        return {"refused": refused, "questions": len(questions), **figures}

    async def _quality(self, generation: Generation, golden: GoldenQuestion) -> Quality:
        ranked = await self.retrieval.ranking(generation, golden.question, 5 * _K)
        return quality(golden, await self._chunks(generation, ranked), _K)

    async def _chunks(self, generation: Generation, ranked: Sequence[str]) -> list[CatalogedChunk]:
        """Those that answer, in order."""

        def read() -> dict[str, CatalogedChunk]:
            with self.catalog.read() as uow:
                return uow.chunks.answering(generation, ranked)

        found = await asyncio.to_thread(read)
        return [found[chunk_id] for chunk_id in ranked if chunk_id in found]

    # --- the catalog, from a thread ---

    def _builds(self, request: ReindexRequested) -> tuple[Generation, Generation, list[GoldenQuestion]]:
        with self.catalog.read() as uow:
            collection: Collection | None = uow.collections.by_id(request.collection_id)
            if collection is None:
                raise CollectionNotFound
            known = {each.id: each for each in uow.generations.of_collection(collection.id)}
            return (
                collection.active_generation,
                known.get(request.generation_id, collection.active_generation),
                [golden for golden in uow.golden_sets.get(collection.id) if golden.answerable],
            )

    def _some(self, generation: Generation) -> list[Chunk]:
        with self.catalog.read() as uow:
            return uow.chunks.some(generation, _SAMPLE)


def _broken(vectors: Vectors, wanted: int, dimensions: int) -> str:
    """What is wrong with vectors that cannot tell texts apart; "" when nothing is."""
    if vectors.shape != (wanted, dimensions):
        return f"It holds {len(vectors)} of {wanted} vectors that were looked for."
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(vectors).all() or (norms < 1e-6).any():
        return "Some of its vectors are not numbers, or nothing."
    mean_vector = (vectors / norms).mean(axis=0)
    if wanted > 1 and float(mean_vector @ mean_vector) > _SAME:  # the mean of all cosines
        return "All its vectors are nearly the same."
    return ""


def _probe(chunk: Chunk) -> str:
    """A sentence from the middle of a chunk; "" when it has none that could tell."""
    shortest, longest = _PROBE_WORDS
    texts = [chunk.text[start:end] for start, end in sentences(chunk.text)]
    telling = [each for each in texts if shortest <= len(each.split()) <= longest]
    return telling[len(telling) // 2] if telling else ""


def _figures(before: Quality, after: Quality) -> dict[str, str]:
    return {
        f"{name}_{when}": f"{getattr(found, name):.3f}"
        for when, found in (("before", before), ("after", after))
        for name in Quality._fields
    }
