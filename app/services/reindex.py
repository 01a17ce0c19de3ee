"""Another embedding model or chunker for a collection: asked for, and built while the present one answers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from app.services.collections import Collections, checked
from app.services.documents import start_event
from app.services.indexing import Indexing
from app.services.ingestion import ProgressRecord
from app.services.outbox import Outbox
from app.services.reredaction import CollectionReredaction
from pipelines.domain.access import Principal
from pipelines.domain.documents import Collection, Generation, chunker_after
from pipelines.domain.errors import (
    CairnError,
    CollectionNotFound,
    Conflict,
    InvalidRequest,
    ModelUnavailable,
    VersionSuperseded,
)
from pipelines.domain.ids import derived_id, job_id
from pipelines.domain.jobs import Job, JobKind, Progress, queued
from pipelines.ports import Catalog, Clock, Embedders, IngestTarget, UnitOfWork
from workflows.events import ReindexRequested
from workflows.steps import StepOutput


class ReindexRunning(Conflict):
    """The collection is being reindexed with another model or chunker; wait for that job."""

    code = "reindex_running"


class ReindexWorse(CairnError):
    """The new build is worse than the one that answers, which stays."""

    code = "reindex_worse"


class Reindexes:
    """Requests for a reindex."""

    def __init__(
        self,
        catalog: Catalog,
        collections: Collections,
        embedders: Embedders,
        chunker: str,
        outbox: Outbox,
        clock: Clock,
    ) -> None:
        self._catalog = catalog
        self._collections = collections
        self._embedders = embedders
        self._chunker = chunker
        self._outbox = outbox
        self._clock = clock

    async def request(
        self, principal: Principal, name: str, embedding_model: str | None = None, chunker: str | None = None
    ) -> Job:
        """The job that builds the collection anew; None stands for what new collections get. The same as now: a repair.

        Asked for again while it runs, the same job. Raises CollectionNotFound, InvalidRequest, ModelUnavailable,
        ReindexRunning.
        """
        job, new = await asyncio.to_thread(self._commit, principal, name, embedding_model, chunker or self._chunker)
        if new:
            await self._outbox.dispatch([start_event(job)])
        return job

    def _commit(self, principal: Principal, name: str, model: str | None, chunker: str) -> tuple[Job, bool]:
        chunker = checked(chunker)
        try:
            embedder = self._embedders.of(model) if model else self._embedders.default
        except ModelUnavailable as error:  # it is not there to be waited for
            raise InvalidRequest(error.detail) from error
        dimensions = embedder.dimensions
        collection_id = self._collections.get(principal, name).id
        with self._catalog.begin(principal) as uow:
            collection = uow.collections.by_id(collection_id)
            if collection is None:
                raise CollectionNotFound
            # It follows from the one it replaces: the same request is the same build, and going back is a new one.
            cut = chunker_after(chunker, collection.active_generation.redaction)
            generation_id = derived_id("gen", collection.active_generation.id, embedder.model, cut)
            generation = Generation(generation_id, collection_id, embedder.model, dimensions, cut)
            return self._start(uow, collection, generation)

    def read_again(self, uow: UnitOfWork, collection: Collection, redaction: str, *, at_once: bool) -> tuple[Job, bool]:
        """A build of the collection's documents read anew from their originals, and whether its job is to be started.

        `at_once`: it is the one that answers from the commit on, with what it holds by then. Another reindex that runs is
        superseded: what was asked for last holds.
        """
        active = collection.active_generation
        cut = chunker_after(active.method, redaction)
        again = derived_id("gen", active.id, active.embedding_model, cut)
        generation = replace(active, id=again, chunker=cut)
        running = uow.jobs.find(job_id(JobKind.REINDEX, active.id))
        if active.chunker == cut and running is not None and not running.status.terminal:
            return running, False
        started = self._start(uow, collection, generation, supersedes=True)
        if at_once:
            uow.generations.take_over(generation.id)
        return started

    def _start(
        self, uow: UnitOfWork, collection: Collection, generation: Generation, *, supersedes: bool = False
    ) -> tuple[Job, bool]:
        at = self._clock()
        for known in uow.generations.of_collection(collection.id):
            other = uow.jobs.find(job_id(JobKind.REINDEX, known.id))
            if other is not None and not other.status.terminal:
                if known.id == generation.id:
                    return other, False
                if not supersedes:
                    raise ReindexRunning
        uow.generations.add(generation)
        job = uow.jobs.find(job_id(JobKind.REINDEX, generation.id))
        if job is None:
            job = queued(
                JobKind.REINDEX,
                collection.tenant_id,
                generation.id,
                at,
                collection_id=collection.id,
                generation_id=generation.id,
            )
            uow.jobs.add(job)
        else:
            job = uow.jobs.start_again(job.id, at)
        uow.outbox.add(start_event(job), at)
        return job, True


@dataclass(frozen=True, slots=True)
class CollectionReindex:
    """What the steps of `reindex-collection` do (the Reindexing of workflows/reindex.py)."""

    catalog: Catalog
    indexing: Indexing
    reredaction: CollectionReredaction
    progress: ProgressRecord
    page_size: int = 16
    max_pages: int = 400  # a run has 1,000 steps at most, and some are for catching up

    async def plan(self, request: ReindexRequested) -> StepOutput:
        """Removes what an earlier build left that was given up; how many versions are to be built, and in what pages."""
        generation = await self._generation(request)
        active = await asyncio.to_thread(self._active_id, request.collection_id)
        for known in await asyncio.to_thread(self.indexing.generations, request.collection_id):
            if known.id not in (active, generation.id):
                await self.indexing.drop(known)
        versions = len((await asyncio.to_thread(self._work, generation.id))[0])
        return {
            "versions": versions,
            "page_size": max(self.page_size, -(-versions // self.max_pages)),
            "embedding_model": generation.embedding_model,
            "chunker": generation.method,
            "redaction": generation.redaction if await asyncio.to_thread(self._reads_again, generation) else "",
        }

    async def forget(self, request: ReindexRequested) -> StepOutput:
        """What was made of the documents as they were read before, and said from them."""
        return await self.reredaction.forget(await self._generation(request))

    async def build(self, request: ReindexRequested, page_size: int) -> StepOutput:
        """The next page of versions that answer and are missing; versions that stopped answering are removed."""
        generation = await self._generation(request)
        missing, stale = await asyncio.to_thread(self._work, generation.id)
        for version_id in stale:
            await self.indexing.vectors.delete_version(generation, version_id)
            await asyncio.to_thread(self._forget, generation.id, version_id)
        built = 0
        for version_id in missing[:page_size]:
            built += await self._add(generation, version_id)
        left = len((await asyncio.to_thread(self._work, generation.id))[0])
        held = await asyncio.to_thread(self._held, generation.id)
        await self.progress.progress(request.job_id, Progress(held, held + left, "documents"))
        return {"removed": len(stale), "chunks": built, "left": left}

    async def refuse(self, request: ReindexRequested, why: str) -> StepOutput:
        """Removes the build, unless it answers. Raises ReindexWorse."""
        active = await asyncio.to_thread(self._active_id, request.collection_id)
        for known in await asyncio.to_thread(self.indexing.generations, request.collection_id):
            if known.id == request.generation_id != active:
                await self.indexing.drop(known)
        raise ReindexWorse(f"The present build stays. {why}")

    async def flip(self, request: ReindexRequested) -> StepOutput:
        """From here on the new generation answers, unless a version came in that it does not hold yet."""

        def commit() -> bool:
            with self.catalog.begin() as uow:
                return uow.generations.flip(request.generation_id)

        await self._generation(request)
        return {"flipped": int(await asyncio.to_thread(commit))}

    async def drop_old(self, request: ReindexRequested) -> StepOutput:
        dropped, chunks = 0, 0
        for known in await asyncio.to_thread(self.indexing.generations, request.collection_id):
            if known.id != request.generation_id:
                chunks += await self.indexing.drop(known)
                dropped += 1
        return {"generations": dropped, "chunks": chunks}

    async def _add(self, generation: Generation, version_id: str) -> int:
        """How many chunks were added; 0 for a version that was deleted or replaced meanwhile."""
        target = await asyncio.to_thread(self._target, version_id)
        if target is None or target.deleted or target.document.active_version_id != version_id:
            return 0
        try:
            chunks = await self.indexing.fill(generation, target, self.reredaction.redacted)
        except VersionSuperseded:
            return 0
        except CairnError as error:
            if error.retriable or not generation.redaction:
                raise
            await self.reredaction.withdraw(target, error)
            return 0
        if target.collection.active_generation == generation:  # it answers from now on
            await asyncio.to_thread(self.reredaction.announce, target)
        return chunks

    # --- the catalog, from a thread ---

    async def _generation(self, request: ReindexRequested) -> Generation:
        """Raises VersionSuperseded when another generation, or another policy for personal data, was asked for since."""
        for known in await asyncio.to_thread(self.indexing.generations, request.collection_id):
            if known.id == request.generation_id and await asyncio.to_thread(self.reredaction.wanted, known):
                return known
        raise VersionSuperseded("Another reindex of the collection was asked for since.")

    def _active_id(self, collection_id: str) -> str:
        with self.catalog.read() as uow:
            collection = uow.collections.by_id(collection_id)
        if collection is None:
            raise CollectionNotFound
        return collection.active_generation.id

    def _reads_again(self, generation: Generation) -> bool:
        """Whether the documents are read anew, and not only cut or embedded."""
        with self.catalog.read() as uow:
            collection = uow.collections.by_id(generation.collection_id)
        if collection is None:
            raise CollectionNotFound
        active = collection.active_generation  # one that took over at once is to be filled yet
        return bool(generation.redaction) and (active == generation or active.redaction != generation.redaction)

    def _work(self, generation_id: str) -> tuple[list[str], list[str]]:
        with self.catalog.read() as uow:
            return uow.generations.missing(generation_id), uow.generations.stale(generation_id)

    def _held(self, generation_id: str) -> int:
        with self.catalog.read() as uow:
            return uow.generations.held(generation_id)

    def _target(self, version_id: str) -> IngestTarget | None:
        with self.catalog.read() as uow:
            return uow.documents.target(version_id)

    def _forget(self, generation_id: str, version_id: str) -> None:
        with self.catalog.begin() as uow:
            uow.generations.forget(generation_id, version_id)
