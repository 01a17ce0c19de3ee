"""The shared cache as the product uses it: what is damaged or cannot be had is a miss, and deleted documents leave nothing."""

from __future__ import annotations

import asyncio
import hashlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import structlog

from app.observability.metrics import CACHE_BYTES, CACHE_LOOKUPS
from pipelines.cache_ports import Entry, Usage
from pipelines.domain.access import Principal
from pipelines.domain.errors import CacheUnavailable, DependencyUnavailable
from pipelines.ports import Cache, Catalog

log = structlog.get_logger()

EMBEDDINGS, RESULTS, ANSWERS = "embeddings", "results", "answers"
_SHARES = {EMBEDDINGS: 0.5, RESULTS: 0.1, ANSWERS: 0.4}
_SUM_BYTES = 8
_MEASURED_EVERY_S = 10


def limits(max_bytes: int) -> dict[str, int]:
    """Bytes by level."""
    return {level: int(share * max_bytes) for level, share in _SHARES.items()}


class Level(NamedTuple):
    """What a tenant's entries of a level take; `limit_bytes` is for those of all tenants together."""

    name: str
    entries: int
    bytes: int
    limit_bytes: int


class Kept:
    """Sync: call it from a thread. Never raises because of the cache, except for `forget` and what admins ask for.

    After a failure the cache is left alone for `rest_s` seconds, so that no question waits for it twice.
    """

    def __init__(
        self,
        cache: Cache,
        catalog: Catalog,
        limits: Mapping[str, int],
        *,
        rest_s: float = 2,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cache = cache
        self._catalog = catalog
        self._limits = limits
        self._rest_s = rest_s
        self._clock = clock
        self._rests_until = self._measured_at = -math.inf
        self.forgets = 0  # times that something was forgotten in this process

    @property
    def degraded(self) -> tuple[str, ...]:
        return ("cache",) if self._clock() < self._rests_until else ()

    def get(self, level: str, keys: Sequence[str]) -> dict[str, bytes]:
        """Of those that are kept, whole."""
        found = {}
        if keys and not self.degraded:
            try:
                found = self._cache.get(level, keys)
            except CacheUnavailable as error:
                self._leave_alone(error)
        return {key: value[_SUM_BYTES:] for key, value in found.items() if _is_whole(value)}

    def put(self, level: str, entries: Sequence[Entry]) -> None:
        """Keeps them, unless a version that one was made from is deleted, before or meanwhile."""
        if not entries or self.degraded:
            return
        try:
            self._cache.put(level, [each._replace(value=_sum(each.value) + each.value) for each in entries])
            self._check(level, entries)
            self._measure()
        except CacheUnavailable as error:
            self._leave_alone(error)

    def probes(self, level: str, scope: str, limit: int) -> list[tuple[str, bytes]]:
        """(key, probe) of a scope, the newest first."""
        if self.degraded:
            return []
        try:
            return self._cache.probes(level, scope, limit)
        except CacheUnavailable as error:
            self._leave_alone(error)
            return []

    async def forget(self, version_ids: Sequence[str]) -> int:
        """For documents that change or go (a VersionCache). Raises CacheUnavailable."""
        self.forgets += 1
        return await asyncio.to_thread(self._cache.forget, version_ids)

    def clear(self, principal: Principal) -> int:
        """What is kept for the principal's tenant. Raises CacheUnavailable."""
        self.forgets += 1
        return self._cache.clear(principal.tenant_id)

    def levels(self, principal: Principal) -> list[Level]:
        """Of the principal's tenant; embeddings are of no tenant. Raises CacheUnavailable."""
        usage = self._cache.usage()
        found = {
            name: usage.get((name, "" if name == EMBEDDINGS else principal.tenant_id), Usage()) for name in self._limits
        }
        return [Level(name, *own, self._limits[name]) for name, own in found.items()]

    async def ping(self) -> None:
        """Raises CacheUnavailable when it does not answer."""
        await asyncio.to_thread(self._cache.ping)

    def _check(self, level: str, entries: Sequence[Entry]) -> None:
        """The purge of a document may have come before the write."""
        tags = frozenset().union(*(each.tags for each in entries))
        if not tags:
            return
        try:
            with self._catalog.read() as uow:
                standings = uow.upkeep.standings(tags)
        except DependencyUnavailable:
            self._cache.remove(level, [each.key for each in entries])
            return
        if gone := [tag for tag in tags if tag not in standings or not standings[tag].kept]:
            self._cache.forget(gone)

    def _measure(self) -> None:
        if self._clock() < self._measured_at + _MEASURED_EVERY_S:
            return
        self._measured_at = self._clock()
        usage = self._cache.usage()
        for name in self._limits:
            CACHE_BYTES.labels(name).set(sum(own.bytes for (level, _), own in usage.items() if level == name))

    def _leave_alone(self, error: CacheUnavailable) -> None:
        if not self.degraded:
            log.warning("cache.left_alone", error=error.detail, seconds=self._rest_s)
        self._rests_until = self._clock() + self._rest_s
        CACHE_LOOKUPS.labels("store", "error").inc()


def _is_whole(value: bytes) -> bool:
    return value[:_SUM_BYTES] == _sum(value[_SUM_BYTES:])


def _sum(value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=_SUM_BYTES).digest()
