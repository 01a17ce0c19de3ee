"""`cairn documents`: what is there, who may read it, what it is called."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from app import settings as configuration
from app.cli import show
from app.cli.client import connect
from app.cli.show import AsJson
from app.client import calls
from app.client.models import Document

app = typer.Typer(help="Documents.", no_args_is_help=True)


@app.command("list")
def list_documents(
    collection: Annotated[str | None, typer.Option("--collection", "-c", help="Only of this one.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    json: AsJson = False,
) -> None:
    """List the documents that you may read, newest first."""
    found = connect(configuration.load()).send(calls.documents(collection, limit=limit))
    show.as_json(found) if json else show.out.print(_table(found.documents))


@app.command("show")
def show_document(document_id: str, json: AsJson = False) -> None:
    """Print a document."""
    found = connect(configuration.load()).document(document_id)
    show.as_json(found) if json else show.out.print(_table([found]))


@app.command()
def share(
    document_id: str,
    readers: Annotated[list[str], typer.Argument(help="user:NAME, group:NAME or everyone.")],
    json: AsJson = False,
) -> None:
    """Say who may read a document, besides you: these from now on, and nobody else."""
    _change(document_id, {"readers": readers}, json=json)


@app.command()
def rename(document_id: str, title: str, json: AsJson = False) -> None:
    """Give a document another title."""
    _change(document_id, {"title": title}, json=json)


@app.command()
def delete(document_id: str, json: AsJson = False) -> None:
    """Delete a document: invisible at once, then erased by a job that ends in a receipt."""
    deleted = connect(configuration.load()).delete_document(document_id)
    show.as_json(deleted) if json else show.out.print(
        f"Deleted. The proof: cairn erasures show {deleted.erasure_id}", highlight=False
    )


def _change(document_id: str, change: dict[str, Any], *, json: bool) -> None:
    changed = connect(configuration.load()).send(calls.change_document(document_id, **change))
    show.as_json(changed) if json else show.out.print(_table([changed]))


def _table(documents: list[Document]) -> Table:
    table = Table("document", "title", "status", "readers", box=None)
    for each in documents:
        table.add_row(each.id, each.title, each.status, ", ".join(each.readers))
    return table
