"""`cairn index`: the indexes of collections."""

from __future__ import annotations

import sys
from typing import Annotated
from urllib.parse import quote

import typer

from app import settings as configuration
from app.cli import show
from app.cli.client import connect
from app.cli.exits import Failure
from app.cli.show import AsJson
from app.client.models import Job

app = typer.Typer(help="Indexes of collections.", no_args_is_help=True)


@app.command()
def reindex(
    collection: str,
    embedding_model: Annotated[str | None, typer.Option(help="all-MiniLM-L6-v2, or ollama/NAME.")] = None,
    chunker: Annotated[str | None, typer.Option(help="How documents are cut, such as layout-200-1.")] = None,
    wait: Annotated[bool, typer.Option(help="Follow the job to its end.")] = True,
    json: AsJson = False,
) -> None:
    """Build a collection anew, by default as new collections are; the present build answers until it is done."""
    client = connect(configuration.load())
    job = client.post(_reindex(collection), {"embedding_model": embedding_model, "chunker": chunker})
    _end([client.ended(job["id"]) if wait else client.job(job["id"])], as_json=json)


@app.command()
def rebuild(
    collection: Annotated[str | None, typer.Argument(help="Default: every collection.")] = None,
    json: AsJson = False,
) -> None:
    """Make vectors and keyword rows again from catalog and files, as they are built now; searches go on meanwhile."""
    client = connect(configuration.load())
    found = [each for each in client.collections() if collection in (None, each.name)]
    if not found:
        raise Failure(f"There is no collection {collection!r}." if collection else "There is no collection yet.")
    started = [
        client.post(_reindex(each.name), {"embedding_model": each.embedding_model, "chunker": each.chunker})
        for each in found
    ]
    _end([client.ended(job["id"]) for job in started], as_json=json)


@app.command()
def reconcile(json: AsJson = False) -> None:
    """Compare indexes and files with the catalog and mend them now, as is done every night; print what was found."""
    client = connect(configuration.load())
    job = client.ended(client.post("/v1/admin/reconcile")["id"])
    if not json and job.status == "succeeded":
        found = _drift(job)
        show.out.print("\n".join(f"{name}: {count}" for name, count in found.items()) or "Nothing had drifted.")
        return
    _end([job], as_json=json)


def _drift(job: Job) -> dict[str, int]:
    """What a reconciliation found, by kind."""
    counted: dict[str, int] = {}
    for step in job.steps:
        for name, value in (step.output or {}).items():
            if name not in ("ms", "last", "collections", "page_size") and value:
                counted[name] = counted.get(name, 0) + int(value)
    return counted


def _reindex(collection: str) -> str:
    return f"/v1/collections/{quote(collection, safe='')}/reindex"


def _end(jobs: list[Job], *, as_json: bool) -> None:
    if as_json:
        show.as_json(jobs[0] if len(jobs) == 1 else jobs)
    else:
        show.jobs(jobs)
    sys.exit(1 if any(job.status in ("failed", "cancelled") for job in jobs) else 0)
