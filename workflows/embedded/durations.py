"""Durations as the SDK writes them: "30s", "1m30s", "2h", "1w"."""

from __future__ import annotations

import re

from workflows.embedded.errors import ConfigRefused

_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_PART = re.compile(r"(\d+)(ms|s|m|h|d|w)")
DAY_MS = _UNITS_MS["d"]


def milliseconds(text: str) -> int:
    """Milliseconds of a duration such as "1m30s"; ConfigRefused if it is none."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ConfigRefused(f"not a duration: {text!r}")
    return sum(int(number) * _UNITS_MS[unit] for number, unit in parts)
