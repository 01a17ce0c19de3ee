"""How far it is: files sent and files that can be searched, with their rate and the time left."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from app.cli.ingest.sending import Sent

_MEGABYTE = 1e6


class Bars:
    """On stderr; nothing at all when `shown` is False."""

    def __init__(self, console: Console, files: int, *, wait: bool, shown: bool) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            TextColumn("{task.fields[facts]}"),
            console=console,
            disable=not shown,
        )
        self._sent = self._progress.add_task("sent", total=files, facts="")
        self._ready = self._progress.add_task("ready", total=files, facts="") if wait else None
        self._known = self._failed = self._bytes = 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def sent(self, sent: Sent) -> None:
        self._bytes += sent.size_bytes if sent.status == "sent" else 0
        self._known += sent.status == "known"
        self._failed += sent.status == "failed"
        counts = {"MB": f"{self._bytes / _MEGABYTE:.1f}", "known": self._known, "refused": self._failed}
        facts = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        self._progress.update(self._sent, advance=1, facts=facts)
        if sent.upload is None or sent.status != "sent":
            self.ready()

    def ready(self, failed: int = 0) -> None:
        if self._ready is not None:
            self._progress.update(self._ready, advance=1, facts=f"{failed} failed" if failed else "")


class _Rate(TextColumn):
    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.1f}/s" if speed else "", style="progress.data.speed")
