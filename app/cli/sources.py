"""`cairn sources`: places whose files are documents of a collection."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.table import Table

from app import settings as configuration
from app.cli import show
from app.cli.client import connect
from app.cli.exits import Failure
from app.cli.options import InCollection
from app.cli.show import AsJson
from pipelines.domain.sources import SourceKind, kind_of

app = typer.Typer(
    help="Folders, buckets, sites and wikis whose files are documents of a collection.", no_args_is_help=True
)


@app.command()
def add(
    place: Annotated[str, typer.Argument(help="A folder of the server, or s3://NAME/FOLDER; see docs/sources.md.")],
    collection: InCollection = "default",
    readers: Annotated[list[str] | None, typer.Option(help="user:NAME or group:NAME; repeatable.")] = None,
    every: Annotated[int, typer.Option(min=60, help="Seconds between two looks at it.")] = 300,
    wait: Annotated[bool, typer.Option(help="Follow the first pass to its end.")] = True,
    json: AsJson = False,
) -> None:
    """Watch a place: its files become documents, and stay as they are there."""
    client = connect(configuration.load())
    body = {"path": _whole(place), "readers": readers, "interval_s": every}
    source = client.post(_of(collection), body)
    if wait:
        client.ended(source["job"]["id"])
        source = client.get(f"{_of(collection)}/{source['id']}")
    _end(source, as_json=json)


@app.command("list")
def list_sources(collection: InCollection = "default", json: AsJson = False) -> None:
    """List the places that a collection watches."""
    found = connect(configuration.load()).get(_of(collection))
    if json:
        show.as_json(found)
        return
    table = Table("source", "place", "every", "last pass", "job", box=None)
    for source in found["sources"]:
        status = source["job"]["status"] if source["job"] else ""
        table.add_row(source["id"], source["path"], f"{source['interval_s']} s", _counts(source), status)
    show.out.print(table)


@app.command()
def sync(
    source_id: str,
    collection: InCollection = "default",
    accept_removals: Annotated[bool, typer.Option(help="Delete what is gone, however much that is.")] = False,
    retry_problems: Annotated[bool, typer.Option(help="Try files again that were refused.")] = False,
    json: AsJson = False,
) -> None:
    """Look at a place now, and wait until everything new has been taken in."""
    client = connect(configuration.load())
    path = f"{_of(collection)}/{quote(source_id, safe='')}"
    client.ended(
        client.post(f"{path}/sync", {"accept_removals": accept_removals, "retry_problems": retry_problems})["id"]
    )
    _end(client.get(path), as_json=json)


@app.command()
def remove(
    source_id: str,
    collection: InCollection = "default",
    documents: Annotated[bool, typer.Option("--documents", help="Delete its documents too, with receipts.")] = False,
    json: AsJson = False,
) -> None:
    """Watch a place no more. Its documents stay, unless they are to go too."""
    client = connect(configuration.load())
    path = f"{_of(collection)}/{quote(source_id, safe='')}"
    job = client.delete(path, documents=documents)
    while job:
        if client.ended(job["id"]).status != "succeeded":
            raise Failure(f"Its documents could not all be deleted: cairn jobs show {job['id']}")
        left = [each for each in client.get(_of(collection))["sources"] if each["id"] == source_id]
        job = client.post(f"{path}/sync") if left else {}  # the pass that went on when it was asked for was another
    if json:
        show.as_json({"source_id": source_id, "documents_deleted": documents})
    else:
        show.out.print(f"{source_id} is not watched any more.", highlight=False)


def _whole(place: str) -> str:
    """A folder by its whole path; what has a scheme as it is."""
    return place if kind_of(place) is not SourceKind.FOLDER else str(Path(place).absolute())


def _of(collection: str) -> str:
    return f"/v1/collections/{quote(collection, safe='')}/sources"


def _end(source: Mapping[str, Any], *, as_json: bool) -> None:
    job = source["job"]
    if as_json:
        show.as_json(source)
    else:
        show.out.print(f"[bold]{source['id']}[/] {source['path']}: {_counts(source)}", highlight=False)
        for problem in source["problems"]:
            show.err.print(f"{problem['path']}: {problem['detail']} ({problem['code']})", markup=False, highlight=False)
        if job["error"]:
            show.err.print(f"[red]{job['error']['detail']} ({job['error']['code']})[/]", highlight=False)
    sys.exit(1 if job["status"] in ("failed", "cancelled") else 0)


def _counts(source: Mapping[str, Any]) -> str:
    if source["last_pass"] is None:
        return "no pass yet"
    return ", ".join(f"{count} {name}" for name, count in source["last_pass"]["counts"].items() if count) or "no files"
