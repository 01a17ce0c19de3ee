"""Identifiers: sortable by time, and derived from what they stand for, so that doing a thing twice names it once."""

from __future__ import annotations

import hashlib

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def ulid(ms: int, entropy: bytes) -> str:
    """A ULID (github.com/ulid/spec) of a time in milliseconds and 10 bytes."""
    value = (ms & ((1 << 48) - 1)) << 80 | int.from_bytes(entropy[:10], "big")
    return "".join(_CROCKFORD[value >> shift & 31] for shift in range(125, -1, -5))


def derived(ms: int, *parts: str | int) -> str:
    """The same parts at the same time give the same id."""
    return ulid(ms, hashlib.sha256("\x00".join(map(str, parts)).encode()).digest())
