"""Watching folders: what is new or changed is sent once nobody writes it any more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from watchfiles import watch

from app.cli.ingest import files
from app.cli.ingest.files import Signature

_LOOK_MS = 500


class Settled:
    """Files that have stayed as they are for `settle_s` seconds, and were not given before as they are."""

    def __init__(self, settle_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._settle_s = settle_s
        self._clock = clock
        self._given: dict[Path, Signature] = {}
        self._seen: dict[Path, tuple[Signature, float]] = {}

    def given(self, paths: Sequence[Path]) -> None:
        """These were dealt with as they are now."""
        self._given |= {path: signature for path in paths if (signature := files.signature(path)) is not None}

    def among(self, paths: Sequence[Path]) -> tuple[list[Path], bool]:
        """Those that settled, which count as given from now on; and whether others have yet to settle."""
        now, settled = self._clock(), []
        for path in paths:
            signature = files.signature(path)
            if signature is None or self._given.get(path) == signature:
                self._seen.pop(path, None)
                continue
            seen, since = self._seen.get(path, (None, now))
            if seen != signature:
                self._seen[path] = signature, now
            elif now - since >= self._settle_s:
                settled.append(path)
                self._given[path] = signature
                del self._seen[path]
        return settled, bool(self._seen)


def changes(
    paths: Sequence[Path], found: Sequence[Path], settle_s: float, stop: threading.Event
) -> Iterator[list[Path]]:
    """What is to be sent, each time, after the files that were found at first; an empty list where something else changed, such
    as that a file is gone. Ends when it is told to stop."""
    settled = Settled(settle_s)
    settled.given(found)
    unsettled = files.found(paths) != list(found)
    for changed in watch(
        *paths, stop_event=stop, yield_on_timeout=True, rust_timeout=_LOOK_MS, raise_interrupt=False, watch_filter=None
    ):
        if changed or unsettled:
            ready, unsettled = settled.among(files.found(paths))
            if ready or changed:
                yield ready
