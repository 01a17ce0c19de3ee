"""`cairn jobs`: what is being done, what was, and what went wrong."""

from __future__ import annotations

from typing import Annotated

import typer

from app import settings as configuration
from app.cli import show
from app.cli.client import connect
from app.cli.exits import Exit
from app.cli.show import AsJson
from app.client import calls
from app.client.models import JobStatus

app = typer.Typer(help="Follow and retry jobs.", invoke_without_command=True)


@app.callback()
def latest(
    context: typer.Context,
    status: Annotated[JobStatus | None, typer.Option(help="Only those.")] = None,
    document: Annotated[str | None, typer.Option(metavar="ID", help="Only of this document.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    json: AsJson = False,
) -> None:
    """List the latest jobs."""
    if context.invoked_subcommand is None:
        found = connect(configuration.load()).send(calls.jobs(status, document, limit=limit))
        show.as_json(found) if json else show.jobs(found.jobs)


@app.command("show")
def show_job(job_id: str) -> None:
    """Print a job with its steps, as JSON."""
    show.as_json(connect(configuration.load()).job(job_id))


@app.command()
def follow(job_id: str, json: AsJson = False) -> None:
    """Show a job's steps as they come, to its end; exit code 1 unless it succeeded."""
    client = connect(configuration.load())
    if json:
        show.json_lines(client.follow(job_id))
    else:
        show.follow(client, job_id, job_id)
    raise typer.Exit(Exit.OK if client.job(job_id).status == "succeeded" else Exit.FAILED)


@app.command()
def retry(job_id: str, json: AsJson = False) -> None:
    """Start a failed or cancelled job again."""
    job = connect(configuration.load()).retry_job(job_id)
    show.as_json(job) if json else show.jobs([job])
