"""What counts use for all processes that share a limit (a part of pipelines/ports.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Charge(NamedTuple):
    """`cost_s` on the meter `key`, which holds `most_s`. A meter runs empty by a second each second."""

    key: str
    cost_s: float
    most_s: float


class Taken(NamedTuple):
    """Whether the charges fit, and what is on each meter now."""

    accepted: bool
    used_s: tuple[float, ...]


class Meters(Protocol):
    """The generic cell rate algorithm (ATM Forum, Traffic Management 4.0, 1996): a number for each meter, and no windows."""

    async def take(self, charges: Sequence[Charge], *, anyway: bool = False) -> Taken: ...  # all or none; never raises

    """`anyway`: for what was used already; the meter may hold more than its most then."""

    async def close(self) -> None: ...
