"""One pass over a source: what is in the folder comes in, what is not there any more goes."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from app.observability.metrics import INTAKE_FILES
from app.services.documents import remove
from app.services.ingestion import ProgressRecord
from app.services.outbox import Outbox
from app.services.sync_files import FileIntake, GoneFile, suffix_of
from app.services.transactions import reading, writing
from pipelines import sync
from pipelines.domain.errors import DependencyUnavailable, VersionSuperseded
from pipelines.domain.jobs import OutboxEvent, Progress
from pipelines.domain.sources import ListedFile, Listing, Source
from pipelines.ports import Blobs, Catalog, Clock, Folders, UnitOfWork
from workflows.events import SourceSyncRequested
from workflows.steps import StepOutput

log = structlog.get_logger()

_BATCH = 20  # files a step takes
_MOST_BATCHES = 400  # of each kind: a run has 1,000 steps at most
_LISTING_S = 600


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a pass does, kept in a file: a step's output stays small."""

    take: list[ListedFile]
    gone: list[GoneFile]
    removing: bool

    @property
    def take_size(self) -> int:
        return _size(len(self.take))

    @property
    def gone_size(self) -> int:
        return _size(len(self.gone))


@dataclass(frozen=True, slots=True)
class FolderSync:
    """What the steps of `sync-source` do (the Sync of workflows/sync.py)."""

    catalog: Catalog
    blobs: Blobs
    folders: Folders
    intake: FileIntake
    outbox: Outbox
    progress: ProgressRecord
    clock: Clock
    settle_s: float

    async def list_files(self, request: SourceSyncRequested) -> StepOutput:
        """Compares the folder with what is known of it. Raises SourceMissing, SourceShrunk, SourceNotAllowed, SyncOff."""
        source = await self._source(request)
        known = {file.id: file for file in await reading(self.catalog, lambda uow: uow.sources.files(source.id))}
        if source.removing:
            listing, plan = Listing((), ()), sync.Plan((), tuple(known), 0)
        else:
            listing = await self._listing(source)
            now = int(self.clock().timestamp() * 1e9)
            plan = sync.plan(
                source.id,
                listing,
                known,
                now_ns=now,
                settle_ns=int(self.settle_s * 1e9),
                trusting=source.trusted_run == request.run,
            )
        gone = [GoneFile(id_, known[id_].size_bytes, suffix_of(known[id_].path)) for id_ in plan.gone]
        kept = _Plan(list(plan.take), gone, source.removing)
        await self.blobs.delete(_folder(source.id))
        await self.blobs.put(_key(request), json.dumps([kept.take, kept.gone, kept.removing]).encode())
        return {
            "files": len(listing.files),
            "waiting": plan.waiting,
            "unreadable": len(listing.unreadable),
            "take": len(plan.take),
            "gone": len(plan.gone),
            "take_batches": -(-len(plan.take) // kept.take_size),
            "gone_batches": -(-len(plan.gone) // kept.gone_size),
        }

    async def fetch(self, request: SourceSyncRequested, batch: int) -> StepOutput:
        """Takes the next files in; one that cannot be taken is noted, and the others go on."""
        source, plan = await self._source(request), await self._plan(request)
        first = batch * plan.take_size
        counts: Counter[str] = Counter()
        for number, file in enumerate(plan.take[first : first + plan.take_size], first + 1):
            counts[await self.intake.take(source, file.path, plan.gone)] += 1
            await self.progress.progress(request.job_id, Progress(number, len(plan.take), "files"))
        return dict(counts)

    async def remove(self, request: SourceSyncRequested, batch: int) -> StepOutput:
        """Erases the documents of files that are not there any more, each with a receipt."""
        source, plan = await self._source(request), await self._plan(request)
        first = batch * plan.gone_size
        ids = [each.id for each in plan.gone[first : first + plan.gone_size]]
        if not plan.removing:
            ids = await asyncio.to_thread(self._still_gone, source, ids)
        events = await asyncio.to_thread(self._remove, ids)
        await self.outbox.dispatch(events)
        return {"removed": len(events)}

    async def finish(self, request: SourceSyncRequested, outputs: Sequence[StepOutput]) -> StepOutput:
        """Keeps the report of the pass; a source whose documents went goes too."""
        counts: Counter[str] = Counter()
        for output in outputs:
            counts.update({name: int(count) for name, count in output.items() if name in _REPORTED})
        report = {name: counts[name] for name in _REPORTED}
        if not await self.blobs.exists(_key(request)):
            return report  # this was done, and the server stopped before that was noted
        plan = await self._plan(request)

        def commit(uow: UnitOfWork) -> None:
            if plan.removing:
                uow.sources.remove(request.source_id)
                return
            uow.sources.passed(request.source_id, self.clock(), report)
            source = uow.sources.get(request.source_id)
            if source is not None and source.removing:  # since the folder was listed
                uow.sources.schedule(source.id, self.clock())

        await writing(self.catalog, commit)
        await self.blobs.delete(_folder(request.source_id))
        for outcome in _OUTCOMES:
            INTAKE_FILES.labels("folder", outcome).inc(report[outcome])
        log.info("source.synced", source_id=request.source_id, **report)
        return report

    def _remove(self, ids: Sequence[str]) -> list[OutboxEvent]:
        events: list[OutboxEvent] = []
        with self.catalog.begin() as uow:
            for id_ in ids:
                known = uow.sources.file(id_)
                document = uow.documents.kept(known.document_id) if known and known.document_id else None
                if document is not None:
                    events.append(remove(uow, document.tenant_id, document.id, self.clock())[1])
                uow.sources.remove_file(id_)
        return events

    # --- how ---

    async def _source(self, request: SourceSyncRequested) -> Source:
        """Raises VersionSuperseded when it was removed."""
        source = await reading(self.catalog, lambda uow: uow.sources.get(request.source_id))
        if source is None:
            raise VersionSuperseded("The source was removed.")
        return source

    async def _listing(self, source: Source) -> Listing:
        try:
            async with asyncio.timeout(_LISTING_S):
                return await asyncio.to_thread(self.folders.listing, source.tenant_id, source.path)
        except TimeoutError:
            raise DependencyUnavailable("The folder does not answer.") from None

    async def _plan(self, request: SourceSyncRequested) -> _Plan:
        """Raises VersionSuperseded for a pass so old that its plan was cleared away."""
        try:
            take, gone, removing = json.loads(await self.blobs.get(_key(request)))
        except KeyError:
            raise VersionSuperseded("The pass took too long. The next one does what is left.") from None
        return _Plan([ListedFile(*each) for each in take], [GoneFile(*each) for each in gone], removing)

    def _still_gone(self, source: Source, ids: Sequence[str]) -> list[str]:
        """Without those that came back since the folder was listed."""
        with self.catalog.read() as uow:
            known = [file for id_ in ids if (file := uow.sources.file(id_))]
        return [
            file.id
            for file in known
            if not (file.path and self.folders.exists(source.tenant_id, source.path, file.path))
        ]


_OUTCOMES = ("new", "changed", "moved", "removed", "refused")
_REPORTED = ("files", *_OUTCOMES, "waiting", "unreadable")


def _size(items: int) -> int:
    return max(_BATCH, -(-items // _MOST_BATCHES))


def _folder(source_id: str) -> str:
    return f"sync/{source_id}"


def _key(request: SourceSyncRequested) -> str:
    return f"{_folder(request.source_id)}/{request.run}"
