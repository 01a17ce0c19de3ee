"""What stands at a place of a stored document, read again when somebody is about to be told that it does."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

from pipelines.domain.documents import Box, PageBox, Version, Word
from pipelines.domain.errors import CairnError, DependencyUnavailable
from pipelines.ingest.parse import PDF, reread
from pipelines.ports import Blobs, Catalog, Workers


class PlaceUnread(DependencyUnavailable):
    """The place could not be read again."""

    code = "place_unread"


class _Key(NamedTuple):
    version_id: str
    page: int
    box: Box | None  # None: the whole page


class Rereading:
    """Pages of PDFs from the originals; what has no text layer, from the reading that was kept of it, without redacted
    data. A version's content never changes, so what was read is remembered, until the version is forgotten.

    Also a VersionCache.
    """

    def __init__(
        self, catalog: Catalog, blobs: Blobs, workers: Workers, *, timeout_s: float = 10, pages: int = 256
    ) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._workers = workers
        self._timeout_s = timeout_s
        self._pages = pages
        self._known: OrderedDict[_Key, Sequence[Word]] = OrderedDict()
        self._turn = asyncio.Lock()  # what one is reading, another may be waiting for
        self._reading: set[asyncio.Task[Sequence[Word]]] = set()

    def expect(self, places: Sequence[PageBox], version_id: str) -> None:
        """Begins to read what will probably be asked for."""
        for place in places:
            if self._look_up(version_id, *place) is None:
                self._start(version_id, *place)

    async def words(self, version_id: str, page: int, box: Box) -> Sequence[Word]:
        """Of the page, those in the box among them. Raises PlaceUnread."""
        if (found := self._look_up(version_id, page, box)) is not None:
            return found
        try:
            async with asyncio.timeout(self._timeout_s):
                return await asyncio.shield(self._start(version_id, page, box))
        except (CairnError, TimeoutError, KeyError) as error:  # KeyError: the file is gone
            raise PlaceUnread from error

    async def forget(self, version_ids: Sequence[str]) -> int:
        kept = OrderedDict((key, words) for key, words in self._known.items() if key.version_id not in version_ids)
        gone, self._known = len(self._known) - len(kept), kept
        return gone

    def _look_up(self, version_id: str, page: int, box: Box) -> Sequence[Word] | None:
        for key in (_Key(version_id, page, None), _Key(version_id, page, box)):
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        return None

    def _start(self, version_id: str, page: int, box: Box) -> asyncio.Task[Sequence[Word]]:
        """Goes on when the listener leaves: stopping a worker costs more than the page."""
        task = asyncio.create_task(self._read_once(version_id, page, box))
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # it may be nobody's any more
        return task

    async def _read_once(self, version_id: str, page: int, box: Box) -> Sequence[Word]:
        async with self._turn:
            if (found := self._look_up(version_id, page, box)) is not None:
                return found
            known = self._known
            key, found = await self._read(version_id, page, box)
            known[key] = found  # that of before the await: what was forgotten meanwhile does not come back
            while len(known) > self._pages:
                known.popitem(last=False)
            return found

    async def _read(self, version_id: str, page: int, box: Box) -> tuple[_Key, Sequence[Word]]:
        version = await asyncio.to_thread(self._version, version_id)
        if version.media_type == PDF:
            async with self._blobs.local(version.blob_key) as path:
                words = await self._workers.run(reread.words_of_page, path, page)
            if words is not None:
                return _Key(version_id, page, None), words
        readings = await self._blobs.keys(f"redacted/{version_id}")
        if not readings:
            raise PlaceUnread
        found: list[Word] = []
        for reading in readings:  # more than one after an update of the parser, until the oldest is cleared away
            async with self._blobs.local(reading) as path:
                found += await self._workers.run(reread.blocks_in_box, path, page, box)
        return _Key(version_id, page, box), found

    def _version(self, version_id: str) -> Version:
        with self._catalog.read() as uow:
            target = uow.documents.target(version_id)
        if target is None or target.deleted:
            raise PlaceUnread
        return target.version
