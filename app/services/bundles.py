"""Archives that come in whole: durable when the upload is answered, unpacked by a job."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from app.services.collections import Collections
from app.services.documents import Upload, start_event
from app.services.outbox import Outbox
from app.services.staging import IncomingFile, StagedFile, Staging
from pipelines.domain.access import Principal, Role
from pipelines.domain.bundles import Bundle, BundleFile
from pipelines.domain.errors import CairnError, DependencyUnavailable, IdempotencyConflict, InvalidRequest
from pipelines.domain.ids import job_id, new_id
from pipelines.domain.intake_errors import BundleNotFound
from pipelines.domain.jobs import Job, JobKind, OutboxEvent, queued
from pipelines.ingest import bundle as archive
from pipelines.ports import Blobs, Catalog, Clock, IdempotentAnswer, UnitOfWork


@dataclass(frozen=True, slots=True)
class BundleReceipt:
    bundle_id: str
    job_id: str
    filename: str


@dataclass(frozen=True, slots=True)
class BundleState:
    """A bundle, the job that unpacks it, and a page of what became of its files."""

    bundle: Bundle
    job: Job | None
    files: tuple[BundleFile, ...]


class Bundles:
    def __init__(
        self,
        catalog: Catalog,
        collections: Collections,
        blobs: Blobs,
        staging: Staging,
        outbox: Outbox,
        clock: Clock,
        limits: archive.Limits,
    ) -> None:
        self._catalog = catalog
        self._collections = collections
        self._blobs = blobs
        self._staging = staging
        self._outbox = outbox
        self._clock = clock
        self._limits = limits

    async def upload(self, principal: Principal, upload: Upload, files: Sequence[IncomingFile]) -> list[BundleReceipt]:
        """Takes all the bundles or none. When it returns, they, their rows and their events are durable.

        Raises CollectionNotFound, IdempotencyConflict, InvalidRequest, BundleUnreadable and its kinds, and what
        Staging.kept does.
        """
        if upload.document_id is not None or upload.title is not None:
            raise InvalidRequest("The files of a bundle are documents of their own: leave title and document_id out.")
        collection = await asyncio.to_thread(self._collections.get, principal, upload.collection)
        async with self._staging.kept(files, self._limits.size_bytes) as staged:
            for file in staged:
                await self._look_at(file)
            bundles = [self._bundle(principal, upload, collection.id, file) for file in staged]
            for file, bundle in zip(staged, bundles, strict=True):
                await self._blobs.put_file(bundle.blob_key, file.path)
        used: set[str] = set()
        try:
            receipts, events = await asyncio.to_thread(self._commit, principal, upload, bundles)
            used = {receipt.bundle_id for receipt in receipts}
        except DependencyUnavailable:  # whether it was committed is not known
            used = {bundle.id for bundle in bundles}
            raise
        finally:
            for bundle in bundles:
                if bundle.id not in used:
                    await self._blobs.delete(bundle.blob_key)
        await self._outbox.dispatch(events)
        return receipts

    def get(self, principal: Principal, bundle_id: str, first: int, limit: int) -> BundleState:
        """Sync. For who sent it, and for tenant admins. Raises BundleNotFound."""
        with self._catalog.read(principal) as uow:
            bundle = uow.bundles.get(bundle_id)
            if bundle is None or bundle.tenant_id != principal.tenant_id:
                raise BundleNotFound
            if bundle.user_id != principal.user_id and Role.TENANT_ADMIN not in principal.roles:
                raise BundleNotFound
            files = [_seen(uow, principal, file) for file in uow.bundles.files(bundle_id, first, limit)]
            return BundleState(bundle, uow.jobs.find(job_id(JobKind.UNPACK, bundle_id)), tuple(files))

    async def _look_at(self, file: StagedFile) -> None:
        """Its directory only, whose size is limited: an upload does not wait for workers that are busy with documents."""
        try:
            await asyncio.to_thread(archive.members, file.path, self._limits)
        except CairnError as error:
            raise type(error)(f"{file.filename}: {error.detail}") from error

    def _bundle(self, principal: Principal, upload: Upload, collection_id: str, file: StagedFile) -> Bundle:
        return Bundle(
            id=new_id("bun"),
            tenant_id=principal.tenant_id,
            collection_id=collection_id,
            user_id=principal.user_id,
            readers=upload.readers,
            metadata=dict(upload.metadata or {}),
            filename=file.filename,
            sha256=file.sha256,
            size_bytes=file.size_bytes,
            created_at=self._clock(),
        )

    def _commit(
        self, principal: Principal, upload: Upload, bundles: Sequence[Bundle]
    ) -> tuple[list[BundleReceipt], list[OutboxEvent]]:
        request, key, at = _fingerprint(upload, bundles), upload.idempotency_key, self._clock()
        receipts: list[BundleReceipt] = []
        events: list[OutboxEvent] = []
        with self._catalog.begin(principal) as uow:
            if key and (known := uow.idempotency.get(principal, key)):
                if known.request_sha256 != request:
                    raise IdempotencyConflict
                return [BundleReceipt(**row) for row in json.loads(known.body)], []
            for bundle in bundles:
                uow.bundles.add(bundle)
                job = queued(
                    JobKind.UNPACK,
                    bundle.tenant_id,
                    bundle.id,
                    at,
                    collection_id=bundle.collection_id,
                    bundle_id=bundle.id,
                    user_id=bundle.user_id,
                )
                uow.jobs.add(job)
                event = start_event(job)
                uow.outbox.add(event, at)
                receipts.append(BundleReceipt(bundle.id, job.id, bundle.filename))
                events.append(event)
            if key:
                body = json.dumps([asdict(receipt) for receipt in receipts])
                uow.idempotency.put(principal, key, IdempotentAnswer(request, 202, body), at)
        return receipts, events


def _fingerprint(upload: Upload, bundles: Sequence[Bundle]) -> str:
    """What makes two requests the same: everything but the Idempotency-Key."""
    readers = sorted(upload.readers) if upload.readers is not None else None
    files = [(bundle.filename, bundle.sha256) for bundle in bundles]
    asked = ["unpack", upload.collection, readers, sorted((upload.metadata or {}).items()), files]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


def _seen(uow: UnitOfWork, principal: Principal, file: BundleFile) -> BundleFile:
    """What became a document that the principal may not read is as nameless as one that is erased."""
    if file.document_id is None or uow.documents.get(principal, file.document_id) is not None:
        return file
    return replace(file, path="", document_id=None, version_id=None)
