"""What answers and what does not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from pipelines.domain.errors import CairnError

Probe = Callable[[], Awaitable[None]]
"""Returns when the dependency answers; raises CairnError or OSError when it does not."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """`required`: without it the server is not ready; otherwise its answers are marked degraded."""

    name: str
    what: str  # in words, without secrets: "SQLite, /data/catalog.sqlite3"
    required: bool
    probe: Probe


@dataclass(frozen=True, slots=True)
class State:
    name: str
    what: str
    required: bool
    ok: bool
    detail: str = ""


class Health:
    def __init__(self, dependencies: tuple[Dependency, ...], timeout_s: float = 5) -> None:
        self._dependencies = dependencies
        self._timeout_s = timeout_s

    async def states(self) -> list[State]:
        return list(await asyncio.gather(*map(self._look, self._dependencies)))

    async def _look(self, dependency: Dependency) -> State:
        facts = dependency.name, dependency.what, dependency.required
        try:
            async with asyncio.timeout(self._timeout_s):
                await dependency.probe()
        except TimeoutError:
            return State(*facts, ok=False, detail=f"no answer within {self._timeout_s:g} s")
        except (CairnError, OSError) as error:
            return State(*facts, ok=False, detail=str(error))
        return State(*facts, ok=True)


def ready(states: list[State]) -> bool:
    return all(state.ok for state in states if state.required)


def summary(states: list[State]) -> Mapping[str, str]:
    return {state.name: "ok" if state.ok else state.detail for state in states}
