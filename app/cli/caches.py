"""`cairn caches`: what is kept to be given again."""

from __future__ import annotations

import sys

import typer

from app import settings as configuration
from app.cli import show
from app.cli.client import connect
from app.cli.show import AsJson

app = typer.Typer(help="Answers, search results and vectors that are kept.", no_args_is_help=True)


@app.command("show")
def show_levels(json: AsJson = False) -> None:
    """Print what each level holds of the tenant."""
    found = connect(configuration.load()).get("/v1/admin/caches")
    if json:
        show.as_json(found)
        return
    for level in found["levels"]:
        of = f"{level['bytes'] / 1e6:.1f} of {level['limit_bytes'] / 1e6:.0f} MB"
        sys.stdout.write(f"{level['name']:<12}{level['entries']:>8,} entries, {of}\n")


@app.command()
def clear(json: AsJson = False) -> None:
    """Remove the tenant's answers and search results; they are made anew when they are asked for."""
    found = connect(configuration.load()).delete("/v1/admin/caches")
    show.as_json(found) if json else sys.stdout.write(f"{found['removed']:,} entries removed\n")
