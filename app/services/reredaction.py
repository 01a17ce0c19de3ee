"""What is left of documents as they were read under an earlier policy for personal data: renamed, said otherwise, removed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

import structlog

from app.services.indexing import Indexing
from app.services.ingestion import VersionCache
from app.services.kept import Kept
from app.services.redaction import Redaction
from pipelines.domain.access import Principal
from pipelines.domain.documents import Collection, Document, Generation, Version
from pipelines.domain.errors import CairnError, CollectionNotFound, SensitiveContent, VersionSuperseded
from pipelines.domain.ids import job_id
from pipelines.domain.jobs import JobError, JobKind, JobStatus
from pipelines.domain.privacy import Saying
from pipelines.ingest.redact import policy_id
from pipelines.ports import Catalog, Clock, IngestTarget
from workflows.steps import StepOutput

log = structlog.get_logger()

_PAGE = 100
_WITHHELD = "[withheld]"  # what the policy refuses to keep


@dataclass(frozen=True, slots=True)
class CollectionReredaction:
    """`redacted` makes a version's document anew by the policy of now; `sweep` removes what another policy left of it."""

    catalog: Catalog
    indexing: Indexing
    redaction: Redaction
    redacted: Callable[[Version], Awaitable[str]]
    sweep: Callable[[str], Awaitable[None]]
    kept: Kept
    caches: Sequence[VersionCache]
    clock: Clock

    def wanted(self, generation: Generation) -> bool:
        """Sync. Whether the build is by the policy of now, where it is by one."""
        if not generation.redaction:
            return True
        return generation.redaction.startswith(f"{policy_id(self.redaction.policy(self._collection(generation)))}-")

    async def forget(self, generation: Generation) -> StepOutput:
        """Names, what was said, caches and work files follow the policy of now; how many of each were looked at."""
        collection = await asyncio.to_thread(self._collection, generation)
        documents, versions = 0, list[str]()
        for page in await asyncio.to_thread(lambda: list(self._pages(collection))):
            for document in page:
                versions += await asyncio.to_thread(self._rename, collection, document)
            documents += len(page)
        for version_id in versions:
            await self.sweep(version_id)
        said = await asyncio.to_thread(self._say_again, collection)
        await asyncio.to_thread(self.kept.clear, Principal(collection.tenant_id, "", key_id=""))
        for cache in self.caches:
            await cache.forget(versions)
        return {"documents": documents, "versions": len(versions), "said": said}

    async def withdraw(self, target: IngestTarget, why: CairnError) -> None:
        """A document that the policy refuses, or that cannot be read any more, answers no more; its job says why."""
        log.warning("document.withdrawn", document_id=target.document.id, code=why.code)
        await asyncio.to_thread(self._withdraw, target, why)
        await self.indexing.purge(target.collection.id, target.version.id)

    def announce(self, target: IngestTarget) -> None:
        """Sync. Searches of its readers may find it from now on."""
        with self.catalog.begin() as uow:
            if uow.documents.kept(target.document.id) is not None:
                uow.redoing.changed(target.document.id)

    # --- the catalog, from a thread ---

    def _collection(self, generation: Generation) -> Collection:
        with self.catalog.read() as uow:
            found = uow.collections.by_id(generation.collection_id)
        if found is None:
            raise CollectionNotFound
        return found

    def _pages(self, collection: Collection) -> Iterator[list[Document]]:
        after = ""
        while True:
            with self.catalog.read() as uow:
                page = uow.redoing.live(collection.id, after, _PAGE)
            if not page:
                return
            yield page
            after = page[-1].id

    def _rename(self, collection: Collection, document: Document) -> list[str]:
        """The document's versions, whose names of files follow the policy from now on, as do title and metadata."""
        with self.catalog.read() as uow:
            filenames = uow.redoing.filenames(document.id)
        try:
            named = {id_: self.redaction.filename(collection, name) for id_, name in filenames.items()}
            title = self._title(collection, document, named)
            metadata = self.redaction.metadata(collection, document.metadata)
        except SensitiveContent:
            named = dict.fromkeys(filenames, _WITHHELD)
            title, metadata = _WITHHELD, {}
        renamed = replace(document, title=title, metadata=metadata)
        if (renamed, named) != (document, filenames):
            with self.catalog.begin() as uow:
                if uow.documents.kept(document.id) is not None:
                    uow.redoing.rename(renamed, named)
        return list(filenames)

    def _title(self, collection: Collection, document: Document, named: Mapping[str, str]) -> str:
        """As the file is called now, where it was called as the file."""
        if document.title == PurePath(document.latest.filename).stem:
            return PurePath(named[document.latest.id]).stem
        return self.redaction.text(collection, document.title)

    def _say_again(self, collection: Collection) -> int:
        """What people asked, were answered and remarked; answers on record go, for their passages are no more."""
        first = count = 0
        while True:
            with self.catalog.read() as uow:
                sayings = uow.redoing.sayings(collection, first, _PAGE)
            if not sayings:
                break
            changed = [again for each in sayings if (again := self._again(collection, each)) != each]
            with self.catalog.begin() as uow:
                uow.redoing.say(changed)
            first, count = first + _PAGE, count + len(sayings)
        with self.catalog.begin() as uow:
            return count + uow.redoing.unsay(collection)

    def _again(self, collection: Collection, saying: Saying) -> Saying:
        return saying._replace(texts=tuple(self._text(collection, text) for text in saying.texts))

    def _text(self, collection: Collection, text: str) -> str:
        try:
            return self.redaction.text(collection, text)
        except SensitiveContent:
            return _WITHHELD

    def _withdraw(self, target: IngestTarget, why: CairnError) -> None:
        at, id_ = self.clock(), job_id(JobKind.INGEST, target.version.id)
        with self.catalog.begin() as uow:
            uow.redoing.withdraw(target.version.id, at)
            uow.sealed.replace(target.version.id, {})
            job = uow.jobs.find(id_)
            if job is None:
                raise VersionSuperseded
            if job.status.terminal:
                uow.jobs.start_again(id_, at)
            uow.jobs.finish(id_, JobStatus.FAILED, at, JobError(why.code, why.detail))
