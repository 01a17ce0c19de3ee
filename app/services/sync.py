"""One pass over a source: what is there comes in, who may read it reads it, what is not there any more goes."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Self

import structlog

from app.observability.metrics import INTAKE_FILES
from app.services.documents import remove
from app.services.ingestion import ProgressRecord
from app.services.outbox import Outbox
from app.services.sharing import Sharing
from app.services.sync_files import FileIntake, GoneFile, suffix_of
from app.services.transactions import reading, writing
from pipelines import sync
from pipelines.domain.access import Principal
from pipelines.domain.errors import VersionSuperseded
from pipelines.domain.intake_errors import SourceUnavailable
from pipelines.domain.jobs import OutboxEvent, Progress
from pipelines.domain.sources import ListedFile, Listing, Seen, Source, SourceFile, file_id, kind_of
from pipelines.ports import Blobs, Catalog, Clock, SourceReader, UnitOfWork
from workflows.events import SourceSyncRequested
from workflows.steps import StepOutput

log = structlog.get_logger()

_BATCH = 20  # files a step takes
_MOST_BATCHES = 400  # of each kind: a run has 1,000 steps at most
_LISTING_S = 600
_FAILING = 3  # files in a row, after which it is the source that does not answer


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a pass does, kept in a file: a step's output stays small."""

    take: list[ListedFile]
    gone: list[GoneFile]
    share: list[sync.Share]
    removing: bool
    kind: str
    memory: str
    waiting: int  # files and readers that the next pass has to look at again

    @classmethod
    def read(cls, content: bytes) -> Self:
        fields = json.loads(content)
        taken = (ListedFile(*each) for each in fields["take"])
        return cls(
            [file._replace(readers=None if file.readers is None else tuple(file.readers)) for file in taken],
            [GoneFile(*each) for each in fields["gone"]],
            [sync.Share(*each) for each in fields["share"]],
            fields["removing"],
            fields["kind"],
            fields["memory"],
            fields["waiting"],
        )

    @property
    def take_size(self) -> int:
        return _size(len(self.take))

    @property
    def share_size(self) -> int:
        return _size(len(self.share))

    @property
    def gone_size(self) -> int:
        return _size(len(self.gone))


@dataclass(frozen=True, slots=True)
class SourceSync:
    """What the steps of `sync-source` do (the Sync of workflows/sync.py)."""

    catalog: Catalog
    blobs: Blobs
    places: SourceReader
    intake: FileIntake
    sharing: Sharing
    outbox: Outbox
    progress: ProgressRecord
    clock: Clock
    settle_s: float

    async def list_files(self, request: SourceSyncRequested) -> StepOutput:
        """Compares the place with what is known of it. Raises SourceMissing, SourceShrunk, SourceNotAllowed, SyncOff."""
        source = await self._source(request)
        files, shared, memory = await reading(
            self.catalog,
            lambda uow: (uow.sources.files(source.id), uow.sources.shared(source.id), uow.sources.memory(source.id)),
        )
        known = {file.id: file for file in files}
        share: tuple[sync.Share, ...] = ()
        waiting = 0
        if source.removing:
            listing, plan = Listing((), ()), sync.Plan((), tuple(known), 0)
        else:
            listing = await self._listing(source, known, memory)
            share, waiting = sync.shares(source.id, listing, known, shared, f"user:{source.user_id}")
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
        kept = _Plan(
            list(plan.take),
            gone,
            list(share),
            source.removing,
            kind_of(source.path),
            listing.memory,
            plan.waiting + waiting,
        )
        await self.blobs.delete(_folder(source.id))
        await self.blobs.put(_key(request), json.dumps(asdict(kept)).encode())
        return {
            "files": len(listing.files),
            "waiting": plan.waiting,
            "unreadable": len(listing.unreadable),
            "take": len(plan.take),
            "gone": len(plan.gone),
            "share_batches": -(-len(share) // kept.share_size),
            "take_batches": -(-len(plan.take) // kept.take_size),
            "gone_batches": -(-len(plan.gone) // kept.gone_size),
        }

    async def share(self, request: SourceSyncRequested, batch: int) -> StepOutput:
        """Gives documents the readers that the place's own lists name now."""
        source, plan = await self._source(request), await self._plan(request)
        first = batch * plan.share_size
        principal = Principal(source.tenant_id, source.user_id)
        done = [
            await self.sharing.follow(principal, each.document_id, frozenset(each.readers))
            for each in plan.share[first : first + plan.share_size]
        ]
        return {"shared": sum(done)}

    async def fetch(self, request: SourceSyncRequested, batch: int) -> StepOutput:
        """Takes the next files in; one that cannot be taken is noted, and the others go on."""
        source, plan = await self._source(request), await self._plan(request)
        first = batch * plan.take_size
        counts: Counter[str] = Counter()
        failing = 0
        for number, file in enumerate(plan.take[first : first + plan.take_size], first + 1):
            try:
                counts[await self.intake.take(source, file, plan.gone)] += 1
                failing = 0
            except SourceUnavailable as error:  # this file's doing, or the whole source's?
                failing += 1
                if failing == _FAILING:
                    raise
                counts[await self.intake.put_off(source, file, error)] += 1
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
        undone = plan.waiting or report["waiting"] or report["unreadable"]

        def commit(uow: UnitOfWork) -> None:
            if plan.removing:
                uow.sources.remove(request.source_id)
                return
            uow.sources.passed(request.source_id, self.clock(), report, None if undone else plan.memory)
            source = uow.sources.get(request.source_id)
            if source is not None and source.removing:  # since it was listed
                uow.sources.schedule(source.id, self.clock())

        await writing(self.catalog, commit)
        await self.blobs.delete(_folder(request.source_id))
        for outcome in _OUTCOMES:
            INTAKE_FILES.labels(plan.kind, outcome).inc(report[outcome])
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

    async def _listing(self, source: Source, known: Mapping[str, SourceFile], memory: str) -> Listing:
        def etag(path: str) -> str:
            file = known.get(file_id(source.id, path))
            return file.etag if file else ""

        try:
            async with asyncio.timeout(_LISTING_S):
                return await asyncio.to_thread(self.places.listing, source.tenant_id, source.path, Seen(etag, memory))
        except TimeoutError:
            raise SourceUnavailable("The source does not answer.") from None

    async def _plan(self, request: SourceSyncRequested) -> _Plan:
        """Raises VersionSuperseded for a pass so old that its plan was cleared away."""
        try:
            return _Plan.read(await self.blobs.get(_key(request)))
        except KeyError:
            raise VersionSuperseded("The pass took too long. The next one does what is left.") from None

    def _still_gone(self, source: Source, ids: Sequence[str]) -> list[str]:
        """Without those that came back since the source was listed."""
        with self.catalog.read() as uow:
            known = [file for id_ in ids if (file := uow.sources.file(id_))]
        return [
            file.id
            for file in known
            if not (file.path and self.places.exists(source.tenant_id, source.path, file.path))
        ]


_OUTCOMES = ("new", "changed", "moved", "removed", "refused", "shared")
_REPORTED = ("files", *_OUTCOMES, "waiting", "unreadable")


def _size(items: int) -> int:
    return max(_BATCH, -(-items // _MOST_BATCHES))


def _folder(source_id: str) -> str:
    return f"sync/{source_id}"


def _key(request: SourceSyncRequested) -> str:
    return f"{_folder(request.source_id)}/{request.run}"
