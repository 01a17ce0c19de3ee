"""How things look in a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from app.cli.client import Client, Event, Failure

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

out = Console()
err = Console(stderr=True)

MARKS = {"succeeded": "[green]✓[/]", "failed": "[red]✗[/]", "retrying": "[yellow]↻[/]", "running": "…"}
QUOTE_LENGTH = 160
DEGRADED = {
    "model": "The model did not answer: these are the documents' own words.",
    "vectors": "The vector index did not answer: only words were searched.",
    "keywords": "The keyword index did not answer: only meaning was searched.",
    "conversation": "The conversation could not be kept.",
}


def as_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def json_lines(events: Iterable[Event]) -> None:
    for name, data in events:
        sys.stdout.write(json.dumps({"event": name, **data}, ensure_ascii=False) + "\n")
        sys.stdout.flush()


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
                progress.update(rows[running], facts=_retry(data))


def _count(data: Mapping[str, Any]) -> str:
    left = f", {_duration(data['eta_s'])} left" if data.get("eta_s") else ""
    return f"{data['done']:,}/{data['total']:,} {data.get('unit', '')}{left}"


def _retry(data: Mapping[str, Any]) -> str:
    wait_s = (datetime.fromisoformat(data["retry_at"]) - datetime.now(UTC)).total_seconds()
    return f"[yellow]{data['detail']} Attempt {data['attempt'] + 1} in {_duration(max(0, wait_s))}.[/]"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _facts(output: Mapping[str, Any]) -> str:
    hidden = {"blob_key", "sha256", "batch_size", "ms"}
    return "  ".join(f"{name} {value}" for name, value in output.items() if name not in hidden and value != "")


def answer(events: Iterable[Event]) -> dict[str, Any]:
    """Prints an answer as it streams, then its citations; gives the whole answer."""
    whole: dict[str, Any] = {}
    with out.status("Searching ...") as status:
        for name, data in events:
            if name == "passages":
                status.update(f"Reading {len(data['passages'])} passages ...")
            elif name == "delta":
                status.stop()
                out.print(Text(data["text"]), end="", soft_wrap=True)
            elif name == "answer":
                whole = data
    out.print("\n")
    if not whole:
        raise Failure("The server ended the answer too early.")
    citations(whole["citations"])
    for missing in whole["degraded"]:
        out.print(Text(DEGRADED.get(missing, f"Without: {missing}."), style="yellow"))
    return whole


def question() -> str:
    """What is asked at the terminal; "" at its end."""
    try:
        return out.input("[bold cyan]? [/]").strip()
    except EOFError:
        return ""


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
        steps = f"{job['steps_done']}/{job['steps_total'] or '?'}"
        progress = _count(job["progress"]) if job["progress"] else ""
        problem = f"{job['error']['detail']} ({job['error']['code']})" if job["error"] else ""
        table.add_row(
            job["id"], job["kind"], f"{MARKS.get(job['status'], '')} {job['status']}", steps, progress, problem
        )
    out.print(table)


def erasure(found: Mapping[str, Any], *, valid: bool) -> None:
    out.print(f"[bold]{found['id']}[/]: document {found['document_id']}, {found['status']}", highlight=False)
    if found["receipt"] is None:
        return
    table = Table("searched", "amount", "canaries", "found", box=None)
    for place in found["receipt"]["searched"]:
        amount = f"{place['amount']:,} {place['unit']}"
        table.add_row(place["store"], amount, str(place["canaries"]), str(place["found"]))
    out.print(table)
    for limit in found["receipt"]["limits"]:
        out.print(Text(limit, style="dim"))
    mark = "[green]✓ signed by" if valid else "[red]✗ not signed by"
    out.print(f"{mark} {found['signature']['key_id']}[/]")
