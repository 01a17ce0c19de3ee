"""`cairn golden`: the questions that builds of a collection are compared on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from app import settings as configuration
from app.cli import show
from app.cli.client import connect
from app.cli.evaluate import results
from app.cli.exits import Failure
from app.cli.options import InCollection
from app.cli.show import AsJson

app = typer.Typer(
    help="A collection's questions with known evidence: a reindex that loses on them never goes live.",
    no_args_is_help=True,
)


@app.command()
def put(
    file: Annotated[
        Path, typer.Argument(help='JSON lines: {"question", "evidence": [{"document", "page"?, "quote"?}]}.')
    ],
    collection: InCollection = "default",
    json: AsJson = False,
) -> None:
    """Replace the collection's golden set."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{file} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}.") from error
    size = connect(configuration.load()).put_text(_golden(collection), text)
    if json:
        show.as_json(size)
    else:
        count = size["questions"]
        show.out.print(
            f"{count} question{'' if count == 1 else 's'}; the next reindex of {collection} is compared on them."
        )


@app.command()
def calibrate(
    collection: Annotated[str, typer.Argument(help="The collection.")] = "default",
    risk: Annotated[
        float, typer.Option(min=0.001, max=0.999, help="Share of questions that may be answered wrongly.")
    ] = 0.1,
    certainty: Annotated[float, typer.Option(min=0.5, max=0.999, help="How sure that is to be.")] = 0.9,
    json: AsJson = False,
) -> None:
    """Ask the golden set, and set from which confidence on questions are answered at all."""
    bound = {"risk": risk, "certainty": certainty}
    found = results(connect(configuration.load()), {"collection": collection, "calibrate": bound})
    if json:
        show.as_json(found)
        return
    threshold, answered = found["scores"]["threshold"], found["results"]
    above = [each["measures"] for each in answered if each["measures"]["confidence"] >= threshold]
    wrong = sum(each["wrong"] > 0 for each in above)
    show.out.print(
        f"{collection} answers from a confidence of {threshold:.3f} on: {len(above)} of its {len(answered)} golden questions, "
        f"{wrong} of them wrongly. At most {risk:.0%} of questions like these are answered wrongly, with certainty "
        f"{certainty:.0%}.",
        highlight=False,
    )


@app.command("show")
def show_set(collection: InCollection = "default") -> None:
    """Print the collection's golden set as JSON lines."""
    sys.stdout.write(connect(configuration.load()).text(_golden(collection)))


@app.command()
def remove(collection: InCollection = "default", json: AsJson = False) -> None:
    """Remove the collection's golden set."""
    removed = connect(configuration.load()).delete(_golden(collection))
    if json:
        show.as_json(removed)


def _golden(collection: str) -> str:
    return f"/v1/collections/{quote(collection, safe='')}/golden"
