"""`cairn doctor`: what is in use, what answers, what does not, and what to do about it."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from dataclasses import asdict

from rich.table import Table

from app.bootstrap import assemble, find_ocr
from app.cli import show
from app.client import Cairn
from app.services.health import State, ready
from app.settings import Settings, unknown_variables

LOW_DISK_BYTES = 1024**3


def run(settings: Settings, *, as_json: bool) -> bool:
    """Prints the findings; whether everything that is required answers."""
    states = [*_machine(settings), *asyncio.run(assemble(settings).inspect())]
    running = Cairn(settings.address, None).ready()
    states.append(
        State("server", settings.address, required=False, ok=running, detail="" if running else "not running")
    )
    states += [
        State(name, "environment", required=False, ok=False, detail=f"no such setting{f'; {near}?' if near else ''}")
        for name, near in unknown_variables(os.environ).items()
    ]
    if as_json:
        show.as_json(
            {
                "ok": ready(states),
                "settings": settings.shown(),
                "checks": [asdict(each) for each in states],
            }
        )
    else:
        _print(settings, states)
    return ready(states)


def _machine(settings: Settings) -> list[State]:
    folder = settings.data_dir.resolve()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    writable = os.access(existing, os.W_OK)
    free = shutil.disk_usage(existing).free
    version = ".".join(map(str, sys.version_info[:3]))
    ocr = find_ocr(settings)
    return [
        State("python", version, required=True, ok=sys.version_info >= (3, 11), detail="3.11 or newer is needed"),
        State("data folder", str(folder), required=True, ok=writable, detail="not writable"),
        State(
            "free disk", f"{free / 1024**3:.1f} GiB", required=False, ok=free > LOW_DISK_BYTES, detail="less than 1 GiB"
        ),
        State(
            "ocr",
            f"Tesseract, {settings.ocr_languages}" if settings.ocr else "off",
            required=False,
            ok=ocr is not None or not settings.ocr,
            detail="scanned pages and pictures are not read: install tesseract-ocr and its languages",
        ),
    ]


def _print(settings: Settings, states: list[State]) -> None:
    table = Table("", "what", "in use", "finding", box=None)
    for state in states:
        mark = "[green]✓[/]" if state.ok else "[red]✗[/]" if state.required else "[yellow]![/]"
        table.add_row(mark, state.name, state.what, "" if state.ok else state.detail)
    show.out.print(table)
    changed = {
        name: value for name, value in settings.model_dump(mode="json").items() if name in settings.model_fields_set
    }
    show.out.print(f"\nSettings that differ from the defaults: {changed or 'none'}", highlight=False)
