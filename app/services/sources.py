"""Sources as an administrator sets them up, and when they are looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePath

from app.services.collections import Collections
from app.services.documents import start_event
from app.services.outbox import Outbox
from app.services.transactions import writing
from pipelines.domain.access import Principal
from pipelines.domain.errors import InvalidRequest
from pipelines.domain.ids import job_id, new_id
from pipelines.domain.intake_errors import SourceExists, SourceNotFound
from pipelines.domain.jobs import Job, JobKind, queued
from pipelines.domain.sources import WITH_LISTS, Source, SourceFile, kind_of
from pipelines.ports import Catalog, Clock, SourceReader, UnitOfWork

_AT_ONCE = 50  # sources started in one transaction
_PROBLEMS = 200


@dataclass(frozen=True, slots=True)
class NewSource:
    path: str
    readers: frozenset[str] | None
    interval_s: int


@dataclass(frozen=True, slots=True)
class SourceState:
    """A source, the job of its passes, and the files that could not be taken (the first of them)."""

    source: Source
    job: Job | None
    problems: tuple[SourceFile, ...]


class Sources:
    """Of one tenant's collections. Raises CollectionNotFound throughout, SourceNotFound where one is named."""

    def __init__(
        self, catalog: Catalog, collections: Collections, places: SourceReader, outbox: Outbox, clock: Clock
    ) -> None:
        self._catalog = catalog
        self._collections = collections
        self._places = places
        self._outbox = outbox
        self._clock = clock

    async def add(self, principal: Principal, collection: str, new: NewSource) -> SourceState:
        """Its first pass starts at once. Raises SyncOff, SourceNotAllowed, SourceMissing, SourceExists, InvalidRequest."""
        collection_id = (await asyncio.to_thread(self._collections.get, principal, collection)).id
        path = await asyncio.to_thread(self._places.allowed, principal.tenant_id, new.path)
        if new.readers is not None and kind_of(path) in WITH_LISTS:
            raise InvalidRequest(
                "readers: this place has access lists of its own, and its documents have their readers."
            )
        at = self._clock()
        source = Source(
            id=new_id("src"),
            tenant_id=principal.tenant_id,
            collection_id=collection_id,
            path=path,
            readers=new.readers,
            user_id=principal.user_id,
            interval_s=new.interval_s,
            created_at=at,
            next_at=at,
        )

        def commit(uow: UnitOfWork) -> tuple[Job, bool]:
            known = uow.sources.of_collection(principal.tenant_id, collection_id)
            if any(_overlap(path, each.path) for each in known):
                raise SourceExists
            uow.sources.add(source)
            return self._again(uow, source)

        job = await self._start(commit)
        return SourceState(source, job, ())

    def all(self, principal: Principal, collection: str) -> list[SourceState]:
        """Sync. Oldest first."""
        collection_id = self._collections.get(principal, collection).id
        with self._catalog.read(principal) as uow:
            return [_state(uow, each) for each in uow.sources.of_collection(principal.tenant_id, collection_id)]

    def get(self, principal: Principal, collection: str, source_id: str) -> SourceState:
        """Sync."""
        collection_id = self._collections.get(principal, collection).id
        with self._catalog.read(principal) as uow:
            return _state(uow, _named(uow, principal, collection_id, source_id))

    async def sync(
        self,
        principal: Principal,
        collection: str,
        source_id: str,
        *,
        accept_removals: bool = False,
        retry_problems: bool = False,
    ) -> Job:
        """The job of a pass that starts now, or of the one that goes on. `accept_removals`: however many files are gone."""
        collection_id = (await asyncio.to_thread(self._collections.get, principal, collection)).id

        def commit(uow: UnitOfWork) -> tuple[Job, bool]:
            source = _named(uow, principal, collection_id, source_id)
            if retry_problems:
                uow.sources.retry_problems(source_id)
            job, new = self._again(uow, source)
            if accept_removals:
                uow.sources.trust(source_id, job.run)
            return job, new

        return await self._start(commit)

    async def remove(
        self, principal: Principal, collection: str, source_id: str, *, with_documents: bool
    ) -> Job | None:
        """The source is not looked at any more. Its documents stay, or the job returned erases them."""
        collection_id = (await asyncio.to_thread(self._collections.get, principal, collection)).id

        def forget() -> None:
            with self._catalog.begin() as uow:
                _named(uow, principal, collection_id, source_id)
                uow.sources.remove(source_id)

        def commit(uow: UnitOfWork) -> tuple[Job, bool]:
            source = _named(uow, principal, collection_id, source_id)
            uow.sources.end_with_documents(source_id)
            return self._again(uow, source)

        if with_documents:
            return await self._start(commit)
        await asyncio.to_thread(forget)
        return None

    async def start_due(self) -> dict[str, int]:
        """Starts a pass of each source whose time has come, unless one goes on; how many."""

        def commit() -> list[Job]:
            at = self._clock()
            with self._catalog.begin() as uow:
                started = [self._again(uow, source) for source in uow.sources.due(at, _AT_ONCE)]
                return [job for job, new in started if new]

        jobs = await asyncio.to_thread(commit)
        await self._outbox.dispatch([start_event(job) for job in jobs])
        return {"started": len(jobs)}

    async def _start(self, commit: Callable[[UnitOfWork], tuple[Job, bool]]) -> Job:
        """The job of a pass, whose event is sent where it is new."""
        job, new = await writing(self._catalog, commit)
        if new:
            await self._outbox.dispatch([start_event(job)])
        return job

    def _again(self, uow: UnitOfWork, source: Source) -> tuple[Job, bool]:
        """The job of a pass, and whether that is new; of the one that goes on, where there is one."""
        at = self._clock()
        uow.sources.schedule(source.id, at + timedelta(seconds=source.interval_s))
        job = uow.jobs.find(job_id(JobKind.SYNC, source.id))
        if job is not None and not job.status.terminal:
            return job, False
        if job is not None:
            job = uow.jobs.start_again(job.id, at, forget=True)  # there may be a pass every minute for years
        else:
            job = queued(
                JobKind.SYNC,
                source.tenant_id,
                source.id,
                at,
                collection_id=source.collection_id,
                source_id=source.id,
                user_id=source.user_id,
            )
            uow.jobs.add(job)
        uow.outbox.add(start_event(job), at)
        return job, True


def _named(uow: UnitOfWork, principal: Principal, collection_id: str, source_id: str) -> Source:
    source = uow.sources.get(source_id)
    if source is None or (source.tenant_id, source.collection_id) != (principal.tenant_id, collection_id):
        raise SourceNotFound
    return source


def _state(uow: UnitOfWork, source: Source) -> SourceState:
    return SourceState(
        source, uow.jobs.find(job_id(JobKind.SYNC, source.id)), tuple(uow.sources.problems(source.id, _PROBLEMS))
    )


def _overlap(one: str, other: str) -> bool:
    return PurePath(one).is_relative_to(other) or PurePath(other).is_relative_to(one)
