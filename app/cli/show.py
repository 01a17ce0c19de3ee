"""How things look in a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from app.cli.client import Client, Event, Failure

out = Console()
err = Console(stderr=True)

MARKS = {"succeeded": "[green]✓[/]", "failed": "[red]✗[/]", "retrying": "[yellow]↻[/]", "running": "…"}
QUOTE_LENGTH = 160


def as_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def follow_jobs(client: Client, documents: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Shows each job's steps as they come, and gives the jobs as they ended."""
    ended = []
    for document in documents:
        _follow(client, document["job_id"], str(document["filename"]))
        ended.append(client.get(f"/v1/jobs/{document['job_id']}"))
    return ended


def _follow(client: Client, job_id: str, filename: str) -> None:
    columns = (
        SpinnerColumn(finished_text="[green]✓[/]"),
        TextColumn("{task.description}", table_column=Column(no_wrap=True, min_width=18)),
        BarColumn(bar_width=16, table_column=Column(min_width=16)),
        TimeElapsedColumn(),
        TextColumn("{task.fields[facts]}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)),
    )
    out.print(f"[bold]{filename}[/]", highlight=False)
    with Progress(*columns, console=out, expand=True) as progress:
        rows: dict[str, TaskID] = {}
        running = ""
        for name, data in client.events("GET", f"/v1/jobs/{job_id}/events"):
            running = str(data.get("step", running))
            if running and running not in rows:
                rows[running] = progress.add_task(running, total=None, facts="")
            if name == "step.progress" and running:
                progress.update(rows[running], completed=data["done"], total=data["total"], facts=_count(data))
            elif name == "step.completed":
                progress.update(rows[running], completed=1, total=1, facts=_facts(data.get("output") or {}))
            elif name == "step.retrying":
                progress.update(rows[running], facts=f"[yellow]{data.get('detail', 'tries again')}[/]")


def _count(data: Mapping[str, Any]) -> str:
    return f"{data['done']:,}/{data['total']:,} {data.get('unit', '')}"


def _facts(output: Mapping[str, Any]) -> str:
    hidden = {"blob_key", "sha256", "batch_size", "ms"}
    return "  ".join(f"{name} {value}" for name, value in output.items() if name not in hidden and value != "")


def answer(events: Iterable[Event]) -> dict[str, Any]:
    """Prints an answer as it streams, then its citations; gives the whole answer."""
    whole: dict[str, Any] = {}
    for name, data in events:
        if name == "delta":
            out.print(Text(data["text"]), end="", soft_wrap=True)
        elif name == "answer":
            whole = data
    out.print("\n")
    if not whole:
        raise Failure("The server ended the answer too early.")
    citations(whole["citations"])
    return whole


def citations(found: Iterable[Mapping[str, Any]]) -> None:
    for citation in found:
        quote = " ".join(str(citation["quote"]).split())
        shown = quote if len(quote) <= QUOTE_LENGTH else quote[: QUOTE_LENGTH - 1] + "…"
        line = Text.assemble(
            (f"[{citation['number']}] ", "bold cyan"),
            (str(citation["title"]), "bold"),
            f", page {citation['page']}: ",
            (f"“{shown}”", "italic"),
        )
        out.print(line)


def passages(found: Iterable[Mapping[str, Any]]) -> None:
    for rank, passage in enumerate(found, 1):
        where = f"{passage['title']}, page {passage['page_start']}"
        heading = " › ".join(passage["heading_path"])
        out.print(Text.assemble((f"{rank}. {where} ", "bold"), (heading, "dim"), f"  {passage['score']:.3f}"))
        out.print(Text(" ".join(passage["text"].split())[:300], style="dim"))


def jobs(found: Iterable[Mapping[str, Any]]) -> None:
    table = Table("job", "kind", "status", "steps", "progress", "error", box=None)
    for job in found:
        done = sum(step["status"] == "succeeded" for step in job["steps"])
        progress = _count(job["progress"]) if job["progress"] else ""
        problem = f"{job['error']['detail']} ({job['error']['code']})" if job["error"] else ""
        table.add_row(
            job["id"], job["kind"], f"{MARKS.get(job['status'], '')} {job['status']}", str(done), progress, problem
        )
    out.print(table)
