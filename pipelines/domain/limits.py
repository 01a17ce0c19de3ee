"""How much may be asked for in how long, and what is left of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Policy:
    """`quota` units in `window_s` seconds. They come back one by one, evenly, not all at once when a window ends."""

    name: str
    quota: int
    window_s: int

    @property
    def unit_s(self) -> float:
        """Seconds in which a unit comes back."""
        return self.window_s / self.quota


class Standing(NamedTuple):
    """Of one who is held to the policy: units left, and seconds until all are back."""

    policy: Policy
    remaining: int
    reset_s: float
