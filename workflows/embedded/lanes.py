"""Lanes: jobs that count against the same limits queue together, so that a full one is passed over at once."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

from workflows.embedded import rates
from workflows.embedded.canonical import JSON
from workflows.embedded.registry import Function, Rate
from workflows.embedded.transaction import Transaction


def run_lane(function: Function, event: JSON) -> str:
    """The lane of a run's calls: its function, and the values of its concurrency keys."""
    return json.dumps([function.id, [rule.key.key(event=event) if rule.key else "" for rule in function.concurrency]])


def first_lane(function: Function, event: JSON) -> str:
    """The lane of a run's first call, which a throttle may hold back."""
    lane = run_lane(function, event)
    if function.throttle is None:
        return lane
    key = function.throttle.key
    return json.dumps([*json.loads(lane), key.key(event=event) if key else ""])


def function_of(lane: str) -> str:
    return str(json.loads(lane)[0])


@dataclass(frozen=True)
class Lane:
    text: str
    limits: tuple[tuple[str, int], ...]  # what a call counts against, as registered now: (name, limit)
    throttle: tuple[str, Rate] | None


class Lanes:
    """The room that there is, while one transaction claims."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._lanes: dict[str, Lane] = {}
        self._used: Counter[str] = Counter()
        self.busy = 0
        self.opens_at: int | None = None  # when a throttle that is shut lets the next one through

    def occupy(self, text: str, calls: int) -> None:
        """Count calls under way."""
        self.busy += calls
        self._used.update({name: calls for name, _ in self._lane(text).limits})

    @property
    def free(self) -> int:
        return self._tx.policy.max_calls - self.busy

    def room(self, text: str) -> int:
        """How many more calls the lane has room for now."""
        lane = self._lane(text)
        room = min([limit - self._used[name] for name, limit in lane.limits], default=self._tx.policy.max_calls)
        if lane.throttle and room > 0:
            available, next_at = rates.tokens(self._tx, *lane.throttle)
            self.opens_at = min(next_at, self.opens_at or next_at)
            room = min(room, available)
        return room

    def take(self, text: str) -> None:
        lane = self._lane(text)
        self.busy += 1
        self._used.update(name for name, _ in lane.limits)
        if lane.throttle:
            rates.spend(self._tx, *lane.throttle)

    def _lane(self, text: str) -> Lane:
        if text not in self._lanes:
            self._lanes[text] = self._parse(text)
        return self._lanes[text]

    def _parse(self, text: str) -> Lane:
        function_id, values, *throttled = json.loads(text)
        function = self._tx.policy.registry.get(function_id)
        if function is None:
            return Lane(text, (), None)
        rules = zip(function.concurrency, values, strict=False)
        limits = tuple((rule.slot(function_id, value), rule.limit) for rule, value in rules)
        throttle = None
        if function.throttle and throttled:
            throttle = ("\x1f".join(("throttle", function_id, throttled[0])), function.throttle)
        return Lane(text, limits, throttle)
