"""Meters in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from pipelines.limit_ports import Charge, Taken

_SWEPT_AT = 10_000  # meters, then those that ran empty go


class MemoryMeters:
    """Meters of pipelines/limit_ports.py. Its counts end with the process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._empty_at: dict[str, float] = {}

    async def take(self, charges: Sequence[Charge], *, anyway: bool = False) -> Taken:
        now = self._clock()
        used = tuple(max(0.0, self._empty_at.get(charge.key, 0) - now) for charge in charges)
        if not anyway and any(before + each.cost_s > each.most_s for before, each in zip(used, charges, strict=True)):
            return Taken(False, used)
        after = tuple(before + charge.cost_s for before, charge in zip(used, charges, strict=True))
        self._empty_at.update({charge.key: now + own for charge, own in zip(charges, after, strict=True)})
        if len(self._empty_at) > _SWEPT_AT:
            self._empty_at = {key: at for key, at in self._empty_at.items() if at > now}
        return Taken(True, after)

    async def close(self) -> None:
        pass
