"""A file of a source on its way to being a document like any uploaded one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePosixPath
from typing import NamedTuple

import structlog

from app.services.documents import Documents, Upload
from app.services.staging import IncomingFile, safe_filename
from app.services.transactions import reading, writing
from pipelines.domain.access import Principal
from pipelines.domain.documents import Document
from pipelines.domain.errors import CairnError, CollectionNotFound, InvalidRequest, StageFailed
from pipelines.domain.ids import new_id
from pipelines.domain.intake_errors import FileChanged, FileUnavailable, SourceMissing, SourceNotAllowed, SyncOff
from pipelines.domain.jobs import JobError
from pipelines.domain.sources import ListedFile, Source, SourceFile, file_id
from pipelines.ports import Catalog, Clock, SourceContent, SourceReader, UnitOfWork

log = structlog.get_logger()

_UNKNOWN = -1  # the size and time of a file of which nothing is known yet


class GoneFile(NamedTuple):
    """A file that is not there any more, and what one that it became would be like."""

    id: str
    size_bytes: int
    suffix: str


@dataclass(frozen=True, slots=True)
class FileIntake:
    catalog: Catalog
    places: SourceReader
    documents: Documents
    clock: Clock

    async def take(self, source: Source, seen: ListedFile, gone: Sequence[GoneFile]) -> str:
        """What became of it, as a report counts it."""
        unknown = ListedFile(seen.path, _UNKNOWN, _UNKNOWN)
        listed: ListedFile | None = None
        try:
            with ExitStack() as stack:
                opening = self.places.open(source.tenant_id, source.path, seen)
                file = await asyncio.to_thread(stack.enter_context, opening)
                listed = file.listed
                return await self._take_open(source, file, gone)
        except (FileNotFoundError, FileChanged):
            return "waiting"
        except (SourceMissing, SourceNotAllowed, SyncOff):
            raise
        except FileUnavailable as error:
            return await self.put_off(source, seen, error)
        except CairnError as error:
            if error.retriable and error.attempts is None:  # what is down is not the file's doing
                raise
            as_seen = (
                seen if isinstance(error, InvalidRequest) else unknown
            )  # one that it may read only later is no other
            note = partial(self._note, source=source, file=listed or as_seen, error=error)
            await writing(self.catalog, note)
        except Exception:  # one file that we cannot cope with must not keep all others out; the next pass tries again
            log.exception("source.file_failed", source_id=source.id)
            await writing(self.catalog, partial(self._note, source=source, file=unknown, error=StageFailed()))
        return "refused"

    async def put_off(self, source: Source, seen: ListedFile, error: CairnError) -> str:
        """Notes why it was not given; the next pass asks again."""
        unknown = ListedFile(seen.path, _UNKNOWN, _UNKNOWN)
        await writing(self.catalog, partial(self._note, source=source, file=unknown, error=error))
        return "waiting"

    async def _take_open(self, source: Source, file: SourceContent, gone: Sequence[GoneFile]) -> str:
        listed = file.listed
        path = listed.path
        known, collection = await reading(self.catalog, lambda uow: _row_and_collection(uow, source, path))
        if known is not None and known.shows(listed):
            return "unchanged"
        if known is None and listed.readers is None and await self._moved(source, file, gone):
            return "moved"
        row, new = await writing(self.catalog, partial(self._claim, source=source, path=path))
        name = safe_filename(file.name)
        upload = Upload(
            collection=collection,
            title=listed.title or None,
            readers=source.readers if listed.readers is None else frozenset(listed.readers),
            metadata=_metadata(listed),
            own_id=row.document_id,
        )
        principal = Principal(source.tenant_id, source.user_id)
        file.rewind()
        (receipt,) = await self.documents.upload(principal, upload, [IncomingFile(name, file.stream)])
        await writing(self.catalog, partial(self._keep, source=source, row=row, file=file))
        if new:
            return "new"
        return "unchanged" if receipt.duplicate else "changed"

    async def _moved(self, source: Source, file: SourceContent, gone: Sequence[GoneFile]) -> bool:
        """Whether it is a file that was elsewhere. Only one of the same size and kind is worth reading for that."""
        wanted = (file.listed.size_bytes, suffix_of(file.listed.path))
        alike = [each.id for each in gone if (each.size_bytes, each.suffix) == wanted]
        if not alike:
            return False
        await asyncio.to_thread(_read_through, file)
        return await writing(self.catalog, partial(self._rename, source=source, file=file, gone=alike))

    # --- the catalog, in a transaction ---

    def _claim(self, uow: UnitOfWork, source: Source, path: str) -> tuple[SourceFile, bool]:
        """The file with the id of its document, kept before the document is written; and whether that one is new."""
        known = uow.sources.file(file_id(source.id, path))
        if known is not None and known.document_id is not None:
            if uow.documents.kept(known.document_id) is not None:
                return known, False
            if uow.documents.collection_id(known.document_id) is None:  # claimed, and the server stopped
                return known, True
        claimed = SourceFile(
            file_id(source.id, path), source.id, path, _UNKNOWN, _UNKNOWN, "", document_id=new_id("doc")
        )
        uow.sources.put_file(claimed)
        return claimed, True

    def _keep(self, uow: UnitOfWork, source: Source, row: SourceFile, file: SourceContent) -> None:
        """The file as it was taken; its document is called what it is called at the source."""
        uow.sources.put_file(_taken(row, file))
        document = uow.documents.kept(row.document_id) if row.document_id and file.listed.title else None
        collection = uow.collections.by_id(source.collection_id)
        if document is None or collection is None:
            return
        redaction = self.documents.redaction
        title = redaction.text(collection, file.listed.title)
        if title != document.title:
            filename = redaction.filename(collection, safe_filename(file.name))
            details = {**document.metadata, **redaction.metadata(collection, _metadata(file.listed))}
            uow.documents.rename(document.id, filename, title, details, self.clock())

    def _note(self, uow: UnitOfWork, source: Source, file: ListedFile, error: CairnError) -> None:
        """Why the file as it is now could not be taken. What an earlier version of it became stays."""
        id_ = file_id(source.id, file.path)
        known = uow.sources.file(id_)
        document_id = known.document_id if known else None
        if document_id is not None and uow.documents.kept(document_id) is None:
            document_id = None
        problem = JobError(error.code, error.detail)
        sha256 = known.sha256 if known else ""
        seen = (file.path, file.size_bytes, file.mtime_ns)
        uow.sources.put_file(SourceFile(id_, source.id, *seen, sha256, document_id, problem, file.etag))

    def _rename(self, uow: UnitOfWork, source: Source, file: SourceContent, gone: Sequence[str]) -> bool:
        """The document of a file with these bytes goes with it to its new place; False when there is none."""
        rows = [row for id_ in gone if (row := uow.sources.file(id_)) and row.sha256 == file.digest()]
        for row in rows:
            document = uow.documents.kept(row.document_id) if row.document_id else None
            if document is not None and document.latest.sha256 == row.sha256:
                self._move(uow, source, file, row, document)
                return True
        return False

    def _move(self, uow: UnitOfWork, source: Source, file: SourceContent, row: SourceFile, document: Document) -> None:
        collection = uow.collections.by_id(source.collection_id)
        if collection is None:
            raise CollectionNotFound
        redaction = self.documents.redaction
        name = redaction.filename(collection, safe_filename(file.name))
        own_title = document.title == PurePosixPath(document.latest.filename).stem
        title = PurePosixPath(name).stem if own_title else document.title
        if file.listed.title:
            title = redaction.text(collection, file.listed.title)
        details = {**document.metadata, **redaction.metadata(collection, _metadata(file.listed))}
        uow.documents.rename(document.id, name, title, details, self.clock())
        path = file.listed.path
        uow.sources.remove_file(row.id)
        uow.sources.put_file(_taken(replace(row, id=file_id(source.id, path), path=path), file))


def suffix_of(path: str) -> str:
    return PurePosixPath(path).suffix.lower()


def _taken(row: SourceFile, file: SourceContent) -> SourceFile:
    seen = file.listed
    return replace(
        row,
        size_bytes=seen.size_bytes,
        mtime_ns=seen.mtime_ns,
        etag=seen.etag,
        sha256=file.digest(),
        problem=None,
    )


def _metadata(file: ListedFile) -> dict[str, str]:
    return {"path": file.shown or file.path, **({"url": file.url} if file.url else {})}


def _read_through(file: SourceContent) -> None:
    """So that its digest is known. Raises FileChanged."""
    file.rewind()
    stream = file.stream
    while stream.read(1024 * 1024):
        pass


def _row_and_collection(uow: UnitOfWork, source: Source, path: str) -> tuple[SourceFile | None, str]:
    """What is known of the file, and the collection's name. Raises CollectionNotFound."""
    collection = uow.collections.by_id(source.collection_id)
    if collection is None:
        raise CollectionNotFound
    return uow.sources.file(file_id(source.id, path)), collection.name
