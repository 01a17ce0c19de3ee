"""The cache in Redis, for processes on several machines. Its scripts run whole: an entry is there with its tags or not at all.

Values live under Redis' own time limit. What is known about them (whose, how large, what they were made from) is kept beside
them in sets; a set may name entries that are over, and they are dropped from it when it is next used.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import redis

from pipelines.cache_ports import Entry, Usage
from pipelines.domain.errors import CacheUnavailable

R = TypeVar("R")

_BATCH = 200
_TAGS_LAST_S = 40 * 24 * 3600  # longer than anything that carries them

# about: key -> "tenant scope bytes"; ends: key -> when it is over; scope:X: key -> when it came; tag:X: "level key"
_DROP = """
local P = ARGV[1]
local function drop(level, key)
    local about = redis.call('HGET', P .. 'about:' .. level, key)
    if not about then return 0 end
    local tenant, scope, bytes = string.match(about, '^(%S*) (%S*) (%d+)$')
    redis.call('HINCRBY', P .. 'entries', level .. ' ' .. tenant, -1)
    redis.call('HINCRBY', P .. 'bytes', level .. ' ' .. tenant, -bytes)
    redis.call('HINCRBY', P .. 'bytes', level, -bytes)
    redis.call('HDEL', P .. 'about:' .. level, key)
    redis.call('ZREM', P .. 'ends:' .. level, key)
    if scope ~= '' then redis.call('ZREM', P .. 'scope:' .. level .. ':' .. scope, key) end
    return redis.call('DEL', P .. 'entry:' .. level .. ':' .. key)
end
"""
_PUT = (
    _DROP
    + """
local level, limit, now, key, value, ttl, tenant, scope, probe, last =
    ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5], ARGV[6], tonumber(ARGV[7]), ARGV[8], ARGV[9], ARGV[10], ARGV[11]
drop(level, key)
local bytes = #value + #probe
if bytes > limit then return end
redis.call('HSET', P .. 'entry:' .. level .. ':' .. key, 'value', value, 'probe', probe)
redis.call('PEXPIRE', P .. 'entry:' .. level .. ':' .. key, math.ceil(ttl * 1000))
redis.call('HSET', P .. 'about:' .. level, key, tenant .. ' ' .. scope .. ' ' .. bytes)
redis.call('ZADD', P .. 'ends:' .. level, now + ttl, key)
redis.call('HINCRBY', P .. 'entries', level .. ' ' .. tenant, 1)
redis.call('HINCRBY', P .. 'bytes', level .. ' ' .. tenant, bytes)
redis.call('HINCRBY', P .. 'bytes', level, bytes)
if scope ~= '' then
    redis.call('ZADD', P .. 'scope:' .. level .. ':' .. scope, now, key)
    redis.call('EXPIRE', P .. 'scope:' .. level .. ':' .. scope, math.ceil(ttl) + 1)
end
for position = 12, #ARGV do
    redis.call('SADD', P .. 'tag:' .. ARGV[position], level .. ' ' .. key)
    redis.call('EXPIRE', P .. 'tag:' .. ARGV[position], last)
end
for _, over in ipairs(redis.call('ZRANGEBYSCORE', P .. 'ends:' .. level, '-inf', now, 'LIMIT', 0, 100)) do drop(level, over) end
while tonumber(redis.call('HGET', P .. 'bytes', level) or 0) > limit do
    local first = redis.call('ZRANGE', P .. 'ends:' .. level, 0, 0)[1]
    if not first then break end
    drop(level, first)
end
"""
)
_REMOVE = _DROP + "for position = 3, #ARGV do drop(ARGV[2], ARGV[position]) end"
_FORGET = (
    _DROP
    + """
local removed = 0
for position = 2, #ARGV do
    for _, tagged in ipairs(redis.call('SMEMBERS', P .. 'tag:' .. ARGV[position])) do
        local level, key = string.match(tagged, '^(%S+) (.+)$')
        removed = removed + drop(level, key)
    end
    redis.call('DEL', P .. 'tag:' .. ARGV[position])
end
return removed
"""
)
_CLEAR = (
    _DROP
    + """
local removed = 0
for position = 3, #ARGV do
    local level = ARGV[position]
    local all = redis.call('HGETALL', P .. 'about:' .. level)
    for at = 1, #all, 2 do
        if string.match(all[at + 1], '^(%S*) ') == ARGV[2] then removed = removed + drop(level, all[at]) end
    end
end
return removed
"""
)


class RedisCache:
    """Cache of pipelines/ports.py. Connects when it is first used."""

    def __init__(
        self, url: str, limits: Mapping[str, int], *, timeout_s: float = 0.5, prefix: str = "cairn:cache:"
    ) -> None:
        """`limits`: bytes of values and probes by level."""
        self._limits = dict(limits)
        self._prefix = prefix
        self._redis: Any = redis.Redis.from_url(url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s)
        self._put, self._remove, self._forget, self._clear = map(
            self._redis.register_script, (_PUT, _REMOVE, _FORGET, _CLEAR)
        )

    def close(self) -> None:
        self._redis.close()

    def get(self, level: str, keys: Sequence[str]) -> dict[str, bytes]:
        return {key: value for key, value in zip(keys, self._fields(level, keys, "value"), strict=True) if value}

    def put(self, level: str, entries: Sequence[Entry]) -> None:
        def work() -> None:
            for batch in _batches(entries):
                pipe = self._redis.pipeline(transaction=False)
                for entry in batch:
                    facts = (entry.key, entry.value, entry.ttl_s, entry.tenant_id, entry.scope, entry.probe)
                    arguments = (
                        self._prefix,
                        level,
                        self._limits[level],
                        time.time(),
                        *facts,
                        _TAGS_LAST_S,
                        *entry.tags,
                    )
                    self._put(args=arguments, client=pipe)
                pipe.execute()

        _translated(work)

    def probes(self, level: str, scope: str, limit: int) -> list[tuple[str, bytes]]:
        name = f"{self._prefix}scope:{level}:{scope}"
        newest = _translated(lambda: self._redis.zrange(name, 0, limit - 1, desc=True))
        keys = [key.decode() for key in newest]
        found = list(zip(keys, self._fields(level, keys, "probe"), strict=True))
        if over := [key for key, probe in found if probe is None]:
            _translated(lambda: self._redis.zrem(name, *over))
        return [(key, probe) for key, probe in found if probe is not None]

    def remove(self, level: str, keys: Sequence[str]) -> None:
        _translated(lambda: self._remove(args=(self._prefix, level, *keys)))

    def forget(self, tags: Collection[str]) -> int:
        return int(_translated(lambda: self._forget(args=(self._prefix, *tags))))

    def clear(self, tenant_id: str) -> int:
        return int(_translated(lambda: self._clear(args=(self._prefix, tenant_id, *self._limits))))

    def usage(self) -> dict[tuple[str, str], Usage]:
        def work() -> dict[tuple[str, str], Usage]:
            entries, sizes = (self._redis.hgetall(f"{self._prefix}{name}") for name in ("entries", "bytes"))
            found = {}
            for name, count in entries.items():
                level, _, tenant_id = name.decode().partition(" ")
                if int(count) > 0:
                    found[(level, tenant_id)] = Usage(int(count), int(sizes.get(name, 0)))
            return found

        return _translated(work)

    def ping(self) -> None:
        _translated(self._redis.ping)

    def contents(self) -> Iterator[bytes]:
        """Every value and probe that it holds."""
        names: list[bytes] = _translated(lambda: list(self._redis.scan_iter(f"{self._prefix}entry:*", count=1_000)))
        for batch in _batches(names):
            yield from (part for found in _translated(partial(self._both, batch)) for part in found if part)

    def _both(self, names: Sequence[bytes]) -> list[list[bytes | None]]:
        pipe = self._redis.pipeline(transaction=False)
        for name in names:
            pipe.hmget(name, "value", "probe")
        return list(pipe.execute())

    def _fields(self, level: str, keys: Sequence[str], field: str) -> list[bytes | None]:
        def work() -> list[bytes | None]:
            pipe = self._redis.pipeline(transaction=False)
            for key in keys:
                pipe.hget(f"{self._prefix}entry:{level}:{key}", field)
            return list(pipe.execute())

        return _translated(work) if keys else []


def _translated(work: Callable[[], R]) -> R:
    try:
        return work()
    except redis.RedisError as error:
        raise CacheUnavailable(f"Redis does not answer: {type(error).__name__}") from error


def _batches(items: Sequence[R]) -> Iterator[Sequence[R]]:
    return (items[first : first + _BATCH] for first in range(0, len(items), _BATCH))
