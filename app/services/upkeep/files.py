"""Files against the catalog, both ways. An original is never removed without a second look."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from app.observability.metrics import DRIFT
from pipelines.ports import Blobs, Catalog, Clock, Standing

log = structlog.get_logger()

_GRACE = timedelta(hours=24)  # a file is written before the row that speaks of it
_PAGE = 500
_UNKNOWN = Standing(kept=False, answers=False, busy=False)
# What a file of each kind is for; where that is not so, it is of no use any more.
_USES: dict[str, Callable[[Standing], bool]] = {
    "originals": lambda standing: standing.kept or standing.busy,
    "redacted": lambda standing: standing.kept or standing.busy,
    "parsed": lambda standing: standing.busy,
    "vectors": lambda standing: standing.busy,
}
_WORK = ("parsed", "vectors")  # written by jobs under way and by nothing else
_ORIGINALS, _SET_ASIDE = "originals", "set-aside"


@dataclass(frozen=True, slots=True)
class FileReconciliation:
    blobs: Blobs
    catalog: Catalog
    clock: Clock
    grace: timedelta = _GRACE

    async def reconcile(self) -> dict[str, int]:
        """How much of each kind of drift was found; lost originals cannot be mended here, the others are."""
        drift = Counter(restored_originals=await self._settle_set_aside())
        for kind in _USES:
            drift["orphan_files"] += await self._remove_unused(kind)
        lost = await self._lost_originals()
        drift["lost_originals"] = len(lost)
        for kind, found in drift.items():
            DRIFT.labels(kind).inc(found)
        if lost:
            log.error("reconcile.originals_lost", count=len(lost), version_ids=lost[:20])
        return dict(drift)

    async def tidy(self) -> int:
        """Removes what jobs that are over left because they were killed in the act; only while none is under way. How many."""
        keys = [key for kind in _WORK for key in await self.blobs.keys(kind)]
        left = [key for key, standing in await self._standings(keys) if not standing.busy]
        for key in left:
            await self.blobs.delete(key)
        return len(left)

    async def _remove_unused(self, kind: str) -> int:
        keys = await self.blobs.keys(kind, self.clock() - self.grace)
        unused = [key for key, standing in await self._standings(keys) if not _USES[kind](standing)]
        for key in unused:
            if kind == _ORIGINALS:
                await self._set_aside(key)
            else:
                await self.blobs.delete(key)
        if unused and kind == _ORIGINALS:
            await self._settle_set_aside()
        return len(unused)

    async def _set_aside(self, key: str) -> None:
        """Out of the way, not gone: an upload of the same bytes may just have taken the file for its own."""
        async with self.blobs.local(key) as path:
            await self.blobs.put(_beside(key), await asyncio.to_thread(path.read_bytes))
        await self.blobs.delete(key)

    async def _settle_set_aside(self) -> int:
        """Puts back what is wanted after all, and removes the rest; how many were put back."""
        restored = 0
        for key, standing in await self._standings(await self.blobs.keys(_SET_ASIDE)):
            original = f"{_ORIGINALS}/{_version_id(key)}"
            if _USES[_ORIGINALS](standing) and not await self.blobs.exists(original):
                await self.blobs.put(original, await self.blobs.get(key))
                restored += 1
            await self.blobs.delete(key)
        return restored

    async def _lost_originals(self) -> list[str]:
        lost, after = [], ""
        while page := await asyncio.to_thread(self._versions, after):
            lost += [version for version in page if not await self.blobs.exists(f"{_ORIGINALS}/{version}")]
            after = page[-1]
        kept = await asyncio.to_thread(self._read, lost)  # a deletion may have taken the file since the page was read
        return [version for version in lost if kept.get(version, _UNKNOWN).kept]

    async def _standings(self, keys: Iterable[str]) -> list[tuple[str, Standing]]:
        listed = list(keys)
        found = await asyncio.to_thread(self._read, {_version_id(key) for key in listed})
        return [(key, found.get(_version_id(key), _UNKNOWN)) for key in listed]

    def _read(self, version_ids: Iterable[str]) -> dict[str, Standing]:
        with self.catalog.read() as uow:
            return uow.upkeep.standings(list(version_ids))

    def _versions(self, after: str) -> list[str]:
        with self.catalog.read() as uow:
            return uow.upkeep.versions(after, _PAGE)


def _version_id(key: str) -> str:
    return key.split("/")[1]


def _beside(key: str) -> str:
    return f"{_SET_ASIDE}/{_version_id(key)}"
