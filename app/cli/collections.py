"""`cairn collections`: what is searched together, and how long it is kept."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer
from rich.table import Table

from app import settings as configuration
from app.cli import show
from app.cli.client import connect
from app.cli.show import AsJson
from app.client import calls

app = typer.Typer(help="Collections of documents.", no_args_is_help=True)


@app.command("list")
def list_collections(json: AsJson = False) -> None:
    """List the collections."""
    found = connect(configuration.load()).send(calls.collections())
    if json:
        show.as_json(found)
        return
    table = Table("collection", "embedding model", "chunker", "keeps documents", box=None)
    for each in found.collections:
        table.add_row(each.name, each.embedding_model, each.chunker, _kept(each.retention_days))
    show.out.print(table)


@app.command()
def create(
    name: str,
    chunker: Annotated[str | None, typer.Option(help="How documents are cut, such as layout-200-1.")] = None,
    reader: Annotated[
        list[str] | None, typer.Option(help="Of documents that name none: user:NAME or group:NAME; repeatable.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Make a collection."""
    wanted = ({"chunker": chunker} if chunker else {}) | ({"readers": reader} if reader else {})
    made = connect(configuration.load()).create_collection(name, **wanted)
    show.as_json(made) if json else show.out.print(f"{made.name} is there.", highlight=False)


@app.command()
def retention(
    name: str,
    days: Annotated[int | None, typer.Option(min=1, help="How long after its newest upload.")] = None,
    forever: Annotated[bool, typer.Option("--forever", help="Never.")] = False,
    json: AsJson = False,
) -> None:
    """Say when documents of a collection are deleted by themselves."""
    if forever == (days is not None):
        raise typer.BadParameter("Give either --days or --forever.")
    path = f"/v1/collections/{quote(name, safe='')}"
    changed = connect(configuration.load()).patch(path, {"retention_days": days})
    show.as_json(changed) if json else show.out.print(f"{name}: {_kept(changed['retention_days'])}", highlight=False)


@app.command()
def readers(
    name: str,
    who: Annotated[list[str], typer.Argument(help="user:NAME, group:NAME or everyone.")],
    json: AsJson = False,
) -> None:
    """Say who reads documents that come in from now on and name nobody; those that are there keep theirs."""
    path = f"/v1/collections/{quote(name, safe='')}"
    changed = connect(configuration.load()).patch(path, {"readers": who})
    show.as_json(changed) if json else show.out.print(
        f"{name}: documents are read by {', '.join(changed['readers'])}", highlight=False
    )


@app.command()
def answering(
    name: str,
    unsupported: Annotated[str | None, typer.Option(help="drop or flag: a sentence that no passage holds.")] = None,
    task: Annotated[
        str | None, typer.Option(help="answer, summarise, compare or list; auto: each question says by itself.")
    ] = None,
    calibration: Annotated[bool | None, typer.Option("--no-calibration", help="Forget the threshold.")] = None,
    json: AsJson = False,
) -> None:
    """Say how a collection's questions are answered."""
    change: dict[str, str | None] = {}
    if unsupported is not None:
        change["unsupported"] = unsupported
    if task is not None:
        change["task"] = None if task == "auto" else task
    if calibration:
        change["calibration"] = None
    path = f"/v1/collections/{quote(name, safe='')}/answering"
    answers = connect(configuration.load()).patch(path, change)["answering"]
    if json:
        show.as_json(answers)
        return
    threshold = answers["calibration"] and answers["calibration"]["threshold"]
    show.out.print(
        f"{name}: task {answers['task'] or 'by the question'}; unsupported sentences: {answers['unsupported']}; "
        f"threshold: {'not calibrated' if threshold is None else f'{threshold:.3f}'}",
        highlight=False,
    )


def _kept(days: int | None) -> str:
    return "until they are deleted" if days is None else f"for {days} days"
