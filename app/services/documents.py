"""Documents: taken in, listed, read, deleted. What is answered is durable; what is deleted is invisible at once."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from app.services.collections import Collections
from app.services.outbox import Outbox
from app.services.quotas import UNLIMITED, Quotas
from app.services.redaction import Redaction
from app.services.staging import IncomingFile, StagedFile, Staging
from pipelines.domain.access import EVERYONE, Principal
from pipelines.domain.chunks import Chunk
from pipelines.domain.documents import Collection, Document, DocumentStatus, Version
from pipelines.domain.errors import DocumentNotFound, IdempotencyConflict, InvalidRequest, VersionSuperseded
from pipelines.domain.ids import job_id, new_id, version_id
from pipelines.domain.jobs import Job, JobKind, OutboxEvent, queued
from pipelines.ports import Blobs, Catalog, Clock, DocumentFilter, IdempotentAnswer, UnitOfWork
from workflows.events import (
    BundleUploaded,
    DocumentDeleted,
    DocumentUploaded,
    EvaluationRequested,
    ReconcileRequested,
    ReindexRequested,
    SourceSyncRequested,
)


@dataclass(frozen=True, slots=True)
class Upload:
    """What a person sends. `readers` None: as the collection says. `document_id`: the document these bytes replace.

    `own_id`: for workflows, the document these bytes are of, whoever may read it; it is made when it is not there.
    """

    collection: str
    title: str | None = None
    readers: frozenset[str] | None = None
    metadata: Mapping[str, str] | None = None
    document_id: str | None = None
    idempotency_key: str | None = None
    own_id: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one file. `duplicate`: these bytes were here already, and so are the document and its job."""

    document_id: str
    version_id: str
    job_id: str
    filename: str
    duplicate: bool


class Documents:
    def __init__(
        self,
        catalog: Catalog,
        collections: Collections,
        blobs: Blobs,
        staging: Staging,
        outbox: Outbox,
        clock: Clock,
        redaction: Redaction,
        quotas: Quotas = UNLIMITED,
    ) -> None:
        self._catalog = catalog
        self._collections = collections
        self._blobs = blobs
        self._staging = staging
        self._outbox = outbox
        self._clock = clock
        self.redaction = redaction
        self._quotas = quotas

    def hold_to(self, quotas: Quotas) -> None:
        """From now on; nobody loses what is there."""
        self._quotas = quotas

    async def upload(self, principal: Principal, upload: Upload, files: Sequence[IncomingFile]) -> list[Receipt]:
        """Takes all the files or none. When it returns, files, rows and events are durable.

        Raises CollectionNotFound, DocumentNotFound, IdempotencyConflict, InvalidRequest, QuotaReached, and what
        Staging.staged does.
        """
        if upload.document_id is not None and len(files) != 1:
            raise InvalidRequest("A document is replaced by exactly one file.")
        collection = await asyncio.to_thread(self._collections.get, principal, upload.collection)
        async with self._staging.staged(files) as staged:
            proposals = await asyncio.to_thread(
                lambda: [self._propose(principal, upload, collection, file) for file in staged]
            )
            try:
                for file, document in zip(staged, proposals, strict=True):
                    if not await self._blobs.exists(document.latest.blob_key):
                        await self._blobs.put_file(document.latest.blob_key, file.path)
                receipts, events = await asyncio.to_thread(self._commit, principal, upload, proposals)
            finally:
                await self._drop_unused([document.latest for document in proposals])
        await self._outbox.dispatch(events)
        return receipts

    def _propose(self, principal: Principal, upload: Upload, collection: Collection, file: StagedFile) -> Document:
        """The document this file becomes unless the catalog knows its bytes."""
        at = self._clock()
        document_id = upload.document_id or upload.own_id or new_id("doc")
        version = version_id(document_id, file.sha256)
        filename = self.redaction.filename(collection, file.filename)
        return Document(
            id=document_id,
            tenant_id=principal.tenant_id,
            collection_id=collection.id,
            title=self.redaction.text(collection, upload.title) if upload.title else Path(filename).stem,
            readers=_readers(principal, upload, collection),
            metadata=self.redaction.metadata(collection, upload.metadata or {}),
            latest=Version(
                id=version,
                document_id=document_id,
                sha256=file.sha256,
                size_bytes=file.size_bytes,
                media_type=file.media_type,
                filename=filename,
                blob_key=f"originals/{version}",
                created_at=at,
            ),
            active_version_id=None,
            status=DocumentStatus.PROCESSING,
            created_at=at,
            updated_at=at,
            user_id=principal.user_id,
        )

    def _commit(
        self, principal: Principal, upload: Upload, proposals: Sequence[Document]
    ) -> tuple[list[Receipt], list[OutboxEvent]]:
        request = _fingerprint(upload, proposals)
        events: list[OutboxEvent] = []
        with self._catalog.begin(principal) as uow:
            if upload.idempotency_key and (known := uow.idempotency.get(principal, upload.idempotency_key)):
                if known.request_sha256 != request:
                    raise IdempotencyConflict
                return [Receipt(**row) for row in json.loads(known.body)], []
            receipts = []
            for proposal in proposals:
                receipt, event = self._take(uow, principal, upload, proposal)
                receipts.append(receipt)
                if event is not None:
                    uow.outbox.add(event, self._clock())
                    events.append(event)
            if not all(receipt.duplicate for receipt in receipts):
                self._quotas.check(uow, principal.tenant_id)
            if upload.idempotency_key:
                answer = IdempotentAnswer(request, 202, json.dumps([asdict(receipt) for receipt in receipts]))
                uow.idempotency.put(principal, upload.idempotency_key, answer, self._clock())
        return receipts, events

    def _take(
        self, uow: UnitOfWork, principal: Principal, upload: Upload, proposal: Document
    ) -> tuple[Receipt, OutboxEvent | None]:
        """Writes what is new about one file; the event that starts its job, unless it runs or ran well."""
        known = self._known(uow, principal, upload, proposal)
        same_bytes = known is not None and known.latest.sha256 == proposal.latest.sha256
        if known is None:
            uow.documents.add(proposal)
        elif not same_bytes:
            uow.documents.add_version(proposal.latest)
        version = known.latest if known and same_bytes else proposal.latest
        job, started = self._start(uow, proposal.tenant_id, version)
        receipt = Receipt(version.document_id, version.id, job.id, version.filename, duplicate=same_bytes)
        return receipt, start_event(job) if started else None

    def _known(self, uow: UnitOfWork, principal: Principal, upload: Upload, proposal: Document) -> Document | None:
        """The document these bytes belong to: the one named, or one with these very bytes and the same readers."""
        if upload.document_id is not None:
            named = uow.documents.get(principal, upload.document_id)
            if named is None or named.collection_id != proposal.collection_id:
                raise DocumentNotFound
            return named
        if upload.own_id is not None:
            kept = uow.documents.kept(upload.own_id)
            if kept is None and uow.documents.collection_id(upload.own_id) is not None:
                raise VersionSuperseded("The document was deleted meanwhile.")
            return kept
        twin = uow.documents.with_content(principal, proposal.collection_id, proposal.latest.sha256)
        return twin if twin and (upload.readers is None or twin.readers == proposal.readers) else None

    def _start(self, uow: UnitOfWork, tenant_id: str, version: Version) -> tuple[Job, bool]:
        """The version's job, and whether it is to run: it is new, or it ended without the version being ready."""
        at = self._clock()
        found = uow.jobs.find(job_id(JobKind.INGEST, version.id))
        if found is None:
            job = _new_job(JobKind.INGEST, tenant_id, version.document_id, version.id, at)
            uow.jobs.add(job)
            return job, True
        target = uow.documents.target(version.id)
        ready = target is not None and target.document.active_version_id == version.id
        if ready or not found.status.terminal:
            return found, False
        return uow.jobs.start_again(found.id, at), True

    async def _drop_unused(self, versions: Iterable[Version]) -> None:
        def unused() -> list[str]:
            with self._catalog.read() as uow:
                return [version.blob_key for version in versions if uow.documents.target(version.id) is None]

        for key in await asyncio.to_thread(unused):
            await self._blobs.delete(key)

    # --- reading (sync: call it from a thread) ---

    def get(self, principal: Principal, document_id: str) -> Document:
        """Raises DocumentNotFound."""
        with self._catalog.read(principal) as uow:
            document = uow.documents.get(principal, document_id)
        if document is None:
            raise DocumentNotFound
        return document

    def page(
        self,
        principal: Principal,
        collection: str | None,
        status: DocumentStatus | None,
        after: str | None,
        limit: int,
        *,
        sha256: Sequence[str] = (),
        named: str | None = None,
    ) -> list[Document]:
        """Newest first. Raises CollectionNotFound."""
        collection_id = self._collections.get(principal, collection).id if collection else None
        with self._catalog.read(principal) as uow:
            return uow.documents.page(principal, DocumentFilter(collection_id, status, sha256, named), after, limit)

    def chunks(self, principal: Principal, document_id: str, first: int, limit: int) -> list[Chunk]:
        """What was indexed of the version that answers. Raises DocumentNotFound."""
        with self._catalog.read(principal) as uow:
            document = uow.documents.get(principal, document_id)
            if document is None:
                raise DocumentNotFound
            collection = uow.collections.by_id(document.collection_id)
            if document.active_version_id is None or collection is None:
                return []
            chunker = collection.active_generation.chunker
            return uow.chunks.of_version(document.active_version_id, chunker, first, limit)

    def versions(self, principal: Principal, document_id: str) -> list[Version]:
        """Newest first. Raises DocumentNotFound."""
        with self._catalog.read(principal) as uow:
            found = uow.documents.versions(principal, document_id)
        if not found:
            raise DocumentNotFound
        return found

    def version(self, principal: Principal, document_id: str, version_id: str | None) -> Version:
        """The version named, else the one that answers, else the latest. Raises DocumentNotFound."""
        with self._catalog.read(principal) as uow:
            document = uow.documents.get(principal, document_id)
            if document is None:
                raise DocumentNotFound
            target = uow.documents.target(version_id or document.active_version_id or document.latest.id)
            if target is None or target.document.id != document_id:
                raise DocumentNotFound("The document has no such version.")
            return target.version

    def content(self, version: Version) -> AbstractAsyncContextManager[Path]:
        """The original file, for as long as the context is entered."""
        return self._blobs.local(version.blob_key)

    # --- deleting ---

    async def delete(self, principal: Principal, document_id: str) -> Job:
        """Invisible when this returns; the job returned removes what is left. Raises DocumentNotFound."""

        def commit() -> tuple[Job, OutboxEvent]:
            at = self._clock()
            with self._catalog.begin() as uow:
                if uow.documents.get(principal, document_id) is None:
                    raise DocumentNotFound
                return remove(uow, principal.tenant_id, document_id, at)

        job, event = await asyncio.to_thread(commit)
        await self._outbox.dispatch([event])
        return job


def _readers(principal: Principal, upload: Upload, collection: Collection) -> frozenset[str]:
    named = collection.readers if upload.readers is None else upload.readers
    return (frozenset({EVERYONE}) if named is None else named) | {principal.subject}


def _new_job(kind: JobKind, tenant_id: str, document_id: str, version: str | None, at: datetime) -> Job:
    return queued(kind, tenant_id, version or document_id, at, document_id=document_id, version_id=version)


def remove(
    uow: UnitOfWork, tenant_id: str, document_id: str, at: datetime, order_id: str | None = None
) -> tuple[Job, OutboxEvent]:
    """Makes a live document invisible from the commit on; the job that erases it, and the event to send then."""
    uow.documents.tombstone(document_id, at)
    uow.erasures.add(tenant_id, document_id, at, order_id)
    job = _new_job(JobKind.DELETE, tenant_id, document_id, None, at)
    uow.jobs.add(job)
    event = start_event(job)
    uow.outbox.add(event, at)
    return job, event


def start_event(job: Job) -> OutboxEvent:
    """The event that starts a job's workflow."""
    names = {"tenant_id": job.tenant_id, "document_id": job.document_id, "job_id": job.id, "run": job.run}
    if job.kind is JobKind.RECONCILE:
        return ReconcileRequested.model_validate(names).outbox()
    if job.kind is JobKind.REINDEX:
        about = {"collection_id": job.collection_id, "generation_id": job.generation_id}
        return ReindexRequested.model_validate({**names, **about}).outbox()
    if job.kind is JobKind.EVALUATE:
        return EvaluationRequested.model_validate({**names, "evaluation_id": job.evaluation_id}).outbox()
    if job.kind is JobKind.UNPACK:
        return BundleUploaded.model_validate({**names, "bundle_id": job.bundle_id}).outbox()
    if job.kind is JobKind.SYNC:
        return SourceSyncRequested.model_validate({**names, "source_id": job.source_id}).outbox()
    if job.kind is JobKind.DELETE:
        return DocumentDeleted.model_validate(names).outbox()
    return DocumentUploaded.model_validate({**names, "version_id": job.version_id}).outbox()


def _fingerprint(upload: Upload, proposals: Sequence[Document]) -> str:
    """What makes two requests the same: everything but the Idempotency-Key."""
    asked = asdict(replace(upload, idempotency_key=None, readers=None))
    asked["readers"] = sorted(upload.readers) if upload.readers is not None else None
    asked["files"] = [(document.latest.filename, document.latest.sha256) for document in proposals]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
