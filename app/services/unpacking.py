"""The files of a bundle, taken in one by one."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePosixPath
from zipfile import ZipFile

import structlog

from app.observability.metrics import INTAKE_FILES
from app.services.documents import Documents, Upload
from app.services.ingestion import ProgressRecord
from app.services.staging import IncomingFile
from app.services.transactions import reading, writing
from pipelines.domain.access import Principal
from pipelines.domain.bundles import Bundle, BundleFile
from pipelines.domain.errors import CairnError, StageFailed
from pipelines.domain.intake_errors import BundleNested, BundleNotFound
from pipelines.domain.jobs import JobError, Progress
from pipelines.ingest import bundle as archive
from pipelines.ports import Blobs, Catalog, UnitOfWork
from workflows.events import BundleUploaded
from workflows.steps import StepOutput

log = structlog.get_logger()

_BATCH = 20  # files a step takes
_MOST_BATCHES = 400  # a run has 1,000 steps at most


@dataclass(frozen=True, slots=True)
class BundleUnpacking:
    """What the steps of `unpack-bundle` do (the Unpacking of workflows/unpack.py)."""

    catalog: Catalog
    blobs: Blobs
    documents: Documents
    progress: ProgressRecord
    limits: archive.Limits

    async def open(self, uploaded: BundleUploaded) -> StepOutput:
        """How many files there are, and in how many batches they are taken."""
        files = len(await self._members(await self._bundle(uploaded)))
        return {"files": files, "batches": -(-files // _size(files))}

    async def take(self, uploaded: BundleUploaded, batch: int) -> StepOutput:
        """The next files become documents; one that cannot is noted, and the others go on."""
        bundle = await self._bundle(uploaded)
        members = await self._members(bundle)
        size = _size(len(members))
        first = batch * size
        known = await reading(self.catalog, lambda uow: uow.bundles.files(bundle.id, first, size))
        through = {file.position for file in known if file.position < first + size}
        counts: Counter[str] = Counter()
        collection = await self._collection(bundle)
        async with AsyncExitStack() as stack:
            path = await stack.enter_async_context(self.blobs.local(bundle.blob_key))
            file = await asyncio.to_thread(stack.enter_context, archive.opened(path, self.limits))
            for position, member in enumerate(members[first : first + size], first):
                if position not in through:
                    taken = await self._take(bundle, collection, file, member, position)
                    await writing(self.catalog, partial(_keep, file=taken))
                    counts[_outcome(taken)] += 1
                    INTAKE_FILES.labels("bundle", _outcome(taken)).inc()
                await self.progress.progress(uploaded.job_id, Progress(position + 1, len(members), "files"))
        return dict(counts)

    async def finish(self, uploaded: BundleUploaded) -> StepOutput:
        """Removes the bundle itself: what could be taken of it is in documents of their own."""
        bundle = await self._bundle(uploaded)
        files, refused = await reading(self.catalog, lambda uow: uow.bundles.count(bundle.id))
        await self.blobs.delete(bundle.blob_key)
        return {"documents": files - refused, "refused": refused}

    async def _take(
        self, bundle: Bundle, collection: str, file: ZipFile, member: archive.Member, position: int
    ) -> BundleFile:
        found = BundleFile(bundle.id, position, member.path)
        upload = Upload(
            collection=collection,
            readers=bundle.readers,
            metadata={**bundle.metadata, "path": member.path},
        )
        principal = Principal(bundle.tenant_id, bundle.user_id)
        try:
            if member.nested:
                raise BundleNested
            with archive.stream(file, member) as stream:
                incoming = IncomingFile(PurePosixPath(member.path).name, stream)
                (receipt,) = await self.documents.upload(principal, upload, [incoming])
        except CairnError as error:
            if error.retriable and error.attempts is None:  # what is down is not the file's doing
                raise
            return replace(found, problem=JobError(error.code, error.detail))
        except Exception:  # one file that we cannot cope with must not keep all others out
            log.exception("bundle.file_failed", bundle_id=bundle.id, position=position)
            return replace(found, problem=JobError(StageFailed.code, StageFailed().detail))
        return replace(
            found, document_id=receipt.document_id, version_id=receipt.version_id, duplicate=receipt.duplicate
        )

    async def _bundle(self, uploaded: BundleUploaded) -> Bundle:
        """Raises BundleNotFound, also when it was unpacked and removed."""
        bundle = await reading(self.catalog, lambda uow: uow.bundles.get(uploaded.bundle_id))
        if bundle is None:
            raise BundleNotFound
        return bundle

    async def _members(self, bundle: Bundle) -> list[archive.Member]:
        try:
            async with self.blobs.local(bundle.blob_key) as path:
                return await asyncio.to_thread(archive.members, path, self.limits)
        except KeyError:
            raise BundleNotFound from None

    async def _collection(self, bundle: Bundle) -> str:
        collection = await reading(self.catalog, lambda uow: uow.collections.by_id(bundle.collection_id))
        if collection is None:
            raise BundleNotFound
        return collection.name


def _size(files: int) -> int:
    return max(_BATCH, -(-files // _MOST_BATCHES))


def _outcome(file: BundleFile) -> str:
    return "refused" if file.problem else "duplicates" if file.duplicate else "documents"


def _keep(uow: UnitOfWork, file: BundleFile) -> None:
    uow.bundles.put_file(file)
