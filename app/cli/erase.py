"""`cairn erase`: everything of a person, or of the tenant, and the proof."""

from __future__ import annotations

import sys
import time
from collections import Counter
from typing import Annotated, Any

import typer
from rich.table import Table

from app import settings as configuration
from app.cli import show
from app.cli.client import connect
from app.cli.erasures import verify
from app.cli.show import AsJson
from app.client import Cairn

app = typer.Typer(help="Erase everything of a person or of the tenant.", no_args_is_help=True)

_PATH = "/v1/admin/erasures"
_POLL_S = 0.5

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
PublicKey = Annotated[
    str | None, typer.Option(help="What you verify with (base64); default: the server's, which proves less.")
]


@app.command()
def person(user: str, yes: Yes = False, public_key: PublicKey = None, json: AsJson = False) -> None:
    """Erase what a person sent, asked and said; documents of others that name it stay, without the name."""
    _erase({"user": user}, f"everything of {user}", public_key, yes=yes, json=json)


@app.command()
def tenant(name: str, yes: Yes = False, public_key: PublicKey = None, json: AsJson = False) -> None:
    """Erase all documents of your tenant, and what its people asked; only its admin's keys go on."""
    _erase({"tenant": name}, f"everything of the tenant {name}", public_key, yes=yes, json=json)


@app.command("show")
def show_order(order_id: str, public_key: PublicKey = None, json: AsJson = False) -> None:
    """Print an order's proof again; exit code 1 unless every receipt holds."""
    client = connect(configuration.load())
    _prove(client, client.get(f"{_PATH}/{order_id}"), public_key, json=json)


def _erase(what: dict[str, str], named: str, public_key: str | None, *, yes: bool, json: bool) -> None:
    if not yes:
        typer.confirm(f"Erase {named}? It cannot be undone.", abort=True, err=True)
    client = connect(configuration.load())
    order = client.post(_PATH, what)
    while order["status"] == "pending":
        time.sleep(_POLL_S)
        order = client.get(f"{_PATH}/{order['id']}")
    _prove(client, order, public_key, json=json)


def _prove(client: Cairn, order: dict[str, Any], public_key: str | None, *, json: bool) -> None:
    """Prints what every receipt says together; exit code 1 unless each is there and signed."""
    key = public_key or client.get("/v1/erasures/key")["public_key"]
    receipts = [each["receipt"] for each in order["erasures"] if each["receipt"]]
    valid = sum(
        each["receipt"] is not None and verify(each["receipt"], each["signature"], key) for each in order["erasures"]
    )
    whole = order["status"] == "verified" and valid == len(order["erasures"])
    if json:
        show.as_json({**order, "signatures_valid": valid, "proved": whole})
    else:
        show.out.print(
            f"[bold]{order['id']}[/]: {len(order['erasures'])} documents, {order['status']}", highlight=False
        )
        show.out.print(_searched(receipts))
        removed = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in order["removed"].items() if count)
        show.out.print(f"removed besides: {removed or 'nothing'}", highlight=False)
        mark = "[green]✓[/]" if whole else "[red]✗[/]"
        show.out.print(f"{mark} {valid} of {len(order['erasures'])} receipts are signed", highlight=False)
    sys.exit(0 if whole else 1)


def _searched(receipts: list[dict[str, Any]]) -> Table:
    """By place, of all documents together."""
    canaries, found = Counter[str](), Counter[str]()
    for place in (place for receipt in receipts for place in receipt["searched"]):
        canaries[place["store"]] += place["canaries"]
        found[place["store"]] += place["found"]
    table = Table("searched", "for words, vectors and bytes", "found", box=None)
    for store, count in canaries.items():
        table.add_row(store, f"{count:,}", f"{found[store]:,}")
    return table
