"""Threads for work that must not stand behind other work's: asyncio's own are as few as the processors and a few more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Threads:
    """So many, begun when they are needed."""

    def __init__(self, name: str, most: int) -> None:
        self._threads = ThreadPoolExecutor(most, name)

    async def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """As asyncio.to_thread does."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: work(*args, **kwargs))
