"""Canonical JSON (RFC 8785), the form that is signed and the form that the journal stores.

Values are stored as canonical text, so a request is put together from stored text and never serialised again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jcs  # type: ignore[import-untyped]

JSON = Any  # parsed JSON: dict, list, str, int, float, bool or None


def canonical(value: JSON) -> str:
    """RFC 8785 text of a value. ValueError for what JSON cannot say: NaN, infinities, lone surrogates."""
    try:
        data: bytes = jcs.canonicalize(value)
        return data.decode()
    except (TypeError, OverflowError, RecursionError, UnicodeError) as error:
        raise ValueError(f"not JSON: {error}") from error


def parse(text: str | bytes) -> JSON:
    """Parse strictly: NaN and the infinities, which Python's json accepts, are refused with ValueError."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def canonical_object(members: Mapping[str, str]) -> str:
    """An object whose values are canonical text already. Keys must be ASCII."""
    return "{" + ",".join(f"{json.dumps(key)}:{members[key]}" for key in sorted(members)) + "}"


def size(text: str) -> int:
    """Bytes in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


def _refuse(constant: str) -> JSON:
    raise ValueError(f"{constant} is not JSON")
