"""Sending many files, several at once: what the server has is not sent, and what fails does not stop the others."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.cli.ingest import files
from app.cli.ingest.journal import Journal
from app.client import Cairn, ClientError, Problem
from app.client.models import Document, JobError, UploadedDocument

_ASKED_AT_ONCE = 100  # contents; as many as the server takes
_LOOK_UP_S = 0.5
_HOPELESS = (401, 403, 507)  # no other file would fare better


@dataclass(frozen=True, slots=True)
class Wanted:
    """How files are to be taken in. `readers` None: as the collection says."""

    collection: str
    readers: tuple[str, ...] | None = None
    parallel: int = 4


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one file. `known`: the server had it, and no job was started; `failed`: it was refused."""

    path: Path
    status: Literal["sent", "known", "failed"]
    size_bytes: int = 0
    upload: UploadedDocument | None = None
    document_id: str | None = None
    error: JobError | None = None


class Sending:
    """To one server, as one key. Ends early when it is told to stop; files under way are waited for then."""

    def __init__(self, client: Cairn, journal: Journal, wanted: Wanted, stop: threading.Event) -> None:
        self._client = client
        self._journal = journal
        self._wanted = wanted
        self._stop = stop

    def each(self, paths: Sequence[Path]) -> Iterator[Sent | None]:
        """What became of each, as it comes; and now and then None, so that others may work meanwhile.

        Raises ClientError where going on is no use.
        """
        rest, todo = deque(paths), deque[tuple[Path, str]]()
        under_way: set[Future[Sent | None]] = set()
        with ThreadPoolExecutor(self._wanted.parallel, "upload") as pool:
            try:
                while (rest or todo or under_way) and not self._stop.is_set():
                    if rest and not todo:
                        batch = [rest.popleft() for _ in range(min(len(rest), _ASKED_AT_ONCE))]
                        todo += yield from self._unknown(batch, pool)
                    while todo and len(under_way) < 2 * self._wanted.parallel:
                        under_way.add(pool.submit(self._send, *todo.popleft()))
                    done, under_way = wait(under_way, timeout=_LOOK_UP_S, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield future.result()
                    yield None
                for future in under_way:
                    with suppress(ClientError):  # whoever stopped knows that not all was sent
                        if not future.cancel():
                            yield future.result()
            finally:
                for future in under_way:
                    future.cancel()

    def _unknown(
        self, paths: Sequence[Path], pool: ThreadPoolExecutor
    ) -> Generator[Sent, None, list[tuple[Path, str]]]:
        """Those that must be sent, with their SHA-256."""
        contents: dict[Path, str] = {}
        for path, digest in zip(paths, pool.map(_digest, paths), strict=True):
            if isinstance(digest, Sent):
                yield digest
            else:
                contents[path] = digest
        here = self._here(set(contents.values()))
        unknown = []
        for path, digest in contents.items():
            document = next((each for each in here.get(digest, ()) if self._is(path, digest, each)), None)
            if document is None:
                unknown.append((path, digest))
                continue
            self._journal.put(path, digest, document.id, self._wanted.readers)
            yield Sent(path, "known", document.latest_version.size_bytes, document_id=document.id)
        return unknown

    def _here(self, contents: Collection[str]) -> Mapping[str, Sequence[Document]]:
        """The documents of the collection that are one of these contents."""
        found: dict[str, list[Document]] = {}
        if contents:
            for document in self._client.documents(self._wanted.collection, sha256=sorted(contents)):
                found.setdefault(document.latest_version.sha256, []).append(document)
        return found

    def _is(self, path: Path, digest: str, document: Document) -> bool:
        """Whether the file is this document already, and nothing is to be sent. One that failed is tried again."""
        if document.status == "failed":
            return False
        before, readers = self._journal.get(path), self._wanted.readers
        if before is None:
            return readers is None
        same = (before.document_id, before.sha256) == (document.id, digest)
        return same and (readers is None or before.readers == sorted(readers))

    def _send(self, path: Path, digest: str) -> Sent | None:
        if self._stop.is_set():
            return None
        try:
            size = path.stat().st_size
            upload = self._uploaded(path, digest)
        except OSError as error:
            return _unreadable(path, error)
        except Problem as error:
            if error.status in _HOPELESS:
                raise
            return Sent(path, "failed", size, error=JobError(code=error.code, detail=error.detail))
        self._journal.put(path, digest, upload.document_id, self._wanted.readers)
        return Sent(path, "known" if upload.duplicate else "sent", size, upload, upload.document_id)

    def _uploaded(self, path: Path, digest: str) -> UploadedDocument:
        """A file that changed is a new version of its document, unless another file is that document too."""
        before, wanted = self._journal.get(path), self._wanted
        replaced = before.document_id if before and before.sha256 != digest else None
        if replaced is not None and self._journal.alone(path, replaced):
            try:
                (upload,) = self._client.upload([path], wanted.collection, document_id=replaced)
                return upload
            except Problem as error:
                if error.code != "document_not_found":  # somebody deleted it, or may not be seen any more
                    raise
        (upload,) = self._client.upload([path], wanted.collection, readers=wanted.readers)
        return upload


def _digest(path: Path) -> str | Sent:
    try:
        return files.sha256(path)
    except OSError as error:
        return _unreadable(path, error)


def _unreadable(path: Path, error: OSError) -> Sent:
    return Sent(path, "failed", error=JobError(code="unreadable", detail=f"It cannot be read: {error.strerror}."))
