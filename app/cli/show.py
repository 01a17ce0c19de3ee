"""How things look in a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from app.cli.exits import Failure
from app.client import Cairn, Event
from app.client.models import Answer, Citation, Job, Passage, UploadedBundle, UploadedDocument
from app.client.models import Progress as JobProgress

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


def as_json(value: object, *, a_line: bool = False) -> None:
    indent = None if a_line else 2
    sys.stdout.write(json.dumps(value, indent=indent, ensure_ascii=False, default=_plain) + "\n")
    sys.stdout.flush()


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(type(value).__name__)


def json_lines(events: Iterable[Event]) -> None:
    for name, data, _ in events:
        sys.stdout.write(json.dumps({"event": name, **data}, ensure_ascii=False) + "\n")
        sys.stdout.flush()


def follow_jobs(client: Cairn, uploads: Iterable[UploadedDocument | UploadedBundle]) -> list[Job]:
    """Shows each job's steps as they come, and gives the jobs as they ended."""
    ended = []
    for upload in uploads:
        follow(client, upload.job_id, upload.filename)
        ended.append(client.job(upload.job_id))
    return ended


def follow(client: Cairn, job_id: str, filename: str) -> None:
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
        for name, data, _ in client.follow(job_id):
            running = str(data.get("step", running))
            if running and running not in rows:
                rows[running] = progress.add_task(running, total=None, facts="")
            if name == "step.progress" and running:
                progress.update(
                    rows[running],
                    completed=data["done"],
                    total=data["total"],
                    facts=_count(JobProgress(**{"eta_s": None, **data})),
                )
            elif name == "step.completed":
                progress.update(rows[running], completed=1, total=1, facts=_facts(data.get("output") or {}))
            elif name == "step.retrying":
                progress.update(rows[running], facts=_retry(data))


def _progress(data: Mapping[str, Any]) -> JobProgress:
    return JobProgress.model_validate({"eta_s": None, **data})


def _count(progress: JobProgress) -> str:
    left = f", {_duration(progress.eta_s)} left" if progress.eta_s else ""
    return f"{progress.done:,}/{progress.total:,} {progress.unit}{left}"


def _retry(data: Mapping[str, Any]) -> str:
    wait_s = (datetime.fromisoformat(data["retry_at"]) - datetime.now(UTC)).total_seconds()
    return f"[yellow]{data['detail']} Attempt {data['attempt'] + 1} in {_duration(max(0, wait_s))}.[/]"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _facts(output: Mapping[str, Any]) -> str:
    hidden = {"blob_key", "sha256", "batch_size", "ms"}
    return "  ".join(f"{name} {value}" for name, value in output.items() if name not in hidden and value != "")


def answer(events: Iterable[Event]) -> Answer:
    """Prints an answer as it streams, then its citations; gives the whole answer."""
    whole: Answer | None = None
    with out.status("Searching ...") as status:
        for name, data, _ in events:
            if name == "passages":
                status.update(f"Reading {len(data['passages'])} passages ...")
            elif name == "delta":
                status.stop()
                out.print(Text(data["text"]), end="", soft_wrap=True)
            elif name == "answer":
                whole = Answer.model_validate(data)
    out.print("\n")
    if whole is None:
        raise Failure("The server ended the answer too early.")
    citations(whole.citations)
    for missing in whole.degraded:
        out.print(Text(DEGRADED.get(missing, f"Without: {missing}."), style="yellow"))
    return whole


def question() -> str:
    """What is asked at the terminal; "" at its end."""
    try:
        return out.input("[bold cyan]? [/]").strip()
    except EOFError:
        return ""


def citations(found: Iterable[Citation]) -> None:
    for citation in found:
        quote = " ".join(citation.quote.split())
        shown = quote if len(quote) <= QUOTE_LENGTH else quote[: QUOTE_LENGTH - 1] + "…"
        line = Text.assemble(
            (f"[{citation.number}] ", "bold cyan"),
            (citation.title, "bold"),
            f", page {citation.page}: ",
            (f"“{shown}”", "italic"),
        )
        out.print(line)


def passages(found: Iterable[Passage]) -> None:
    for rank, passage in enumerate(found, 1):
        where = f"{passage.title}, page {passage.page_start}"
        heading = " › ".join(passage.heading_path)
        out.print(Text.assemble((f"{rank}. {where} ", "bold"), (heading, "dim"), f"  {passage.score:.3f}"))
        out.print(Text(" ".join(passage.text.split())[:300], style="dim"))


def jobs(found: Iterable[Job]) -> None:
    table = Table("job", "kind", "status", "steps", "progress", "error", box=None)
    for job in found:
        steps = f"{job.steps_done}/{job.steps_total or '?'}"
        progress = _count(job.progress) if job.progress else ""
        problem = f"{job.error.detail} ({job.error.code})" if job.error else ""
        table.add_row(job.id, job.kind, f"{MARKS.get(job.status, '')} {job.status}", steps, progress, problem)
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
