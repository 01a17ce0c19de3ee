"""Meters in Redis, for processes on several machines: by Redis' own clock, all charges of a request in one script."""

from __future__ import annotations

import time
from collections.abc import Sequence

import redis.asyncio
import structlog

from app.adapters.memory_meters import MemoryMeters
from pipelines.limit_ports import Charge, Taken

log = structlog.get_logger()

_REST_S = 2  # that Redis is left alone when it does not answer
_TAKE = """
local time = redis.call('TIME')
local now, anyway, fits, used = time[1] + time[2] / 1e6, ARGV[1] == '1', true, {}
for i, key in ipairs(KEYS) do
    local empty_at = tonumber(redis.call('GET', key) or '0')
    used[i] = math.max(0, empty_at - now)
    if used[i] + tonumber(ARGV[2 * i]) > tonumber(ARGV[2 * i + 1]) then fits = false end
end
local accepted = fits or anyway
local found = {accepted and '1' or '0'}
for i, key in ipairs(KEYS) do
    if accepted then
        used[i] = used[i] + tonumber(ARGV[2 * i])
        redis.call('SET', key, string.format('%.6f', now + used[i]), 'PX', math.ceil(used[i] * 1000) + 1000)
    end
    found[i + 1] = string.format('%.6f', used[i])
end
return found
"""


class RedisMeters:
    """Meters of pipelines/limit_ports.py. While Redis does not answer, this process counts for itself."""

    def __init__(self, url: str, *, prefix: str = "cairn:meter:", timeout_s: float = 0.5) -> None:
        """Opens nothing."""
        self._redis = redis.asyncio.Redis.from_url(url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s)
        self._script = self._redis.register_script(_TAKE)
        self._prefix = prefix
        self._meanwhile = MemoryMeters()
        self._rests_until = 0.0

    async def take(self, charges: Sequence[Charge], *, anyway: bool = False) -> Taken:
        if time.monotonic() < self._rests_until:
            return await self._meanwhile.take(charges, anyway=anyway)
        keys = [self._prefix + charge.key for charge in charges]
        amounts = [amount for charge in charges for amount in (charge.cost_s, charge.most_s)]
        try:
            accepted, *used = await self._script(keys=keys, args=["1" if anyway else "0", *amounts])
        except redis.RedisError as error:
            log.warning("meters.left_alone", error=type(error).__name__, seconds=_REST_S)
            self._rests_until = time.monotonic() + _REST_S
            return await self._meanwhile.take(charges, anyway=anyway)
        return Taken(accepted == b"1", tuple(map(float, used)))

    async def close(self) -> None:
        await self._redis.aclose()
