"""`cairn keys`: who may use the server."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from rich.table import Table

from app import settings as configuration
from app.cli import show
from app.cli.client import api_key, connect
from app.cli.show import AsJson
from pipelines.domain.access import Role

app = typer.Typer(help="API keys.", no_args_is_help=True)

_KEYS = "/v1/admin/keys"


@app.command()
def first() -> None:
    """Print the first API key of the server in this data folder."""
    sys.stdout.write(api_key(configuration.load()) + "\n")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="For people: what uses it.")],
    user: Annotated[str, typer.Option(help="Who acts through it; readers lists name it user:NAME.")],
    role: Annotated[list[Role], typer.Option(help="Repeatable.")],
    group: Annotated[list[str] | None, typer.Option(help="Repeatable.")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="How long it opens; default: until it is revoked.")] = None,
    json: AsJson = False,
) -> None:
    """Make a key. Its secret is shown this once."""
    wanted = {"name": name, "user": user, "roles": role, "groups": group or [], "expires_in_days": days}
    _issued(connect(configuration.load()).post(_KEYS, wanted), json=json)


@app.command("list")
def list_keys(json: AsJson = False) -> None:
    """List the keys, newest first; those that ended too."""
    found = connect(configuration.load()).get(_KEYS)
    if json:
        show.as_json(found)
        return
    table = Table("key", "name", "user", "groups", "roles", "last used", "ends", box=None)
    for each in found["keys"]:
        ends = "revoked" if each["revoked_at"] else each["expires_at"] or "when revoked"
        groups, roles = ", ".join(each["groups"]), ", ".join(each["roles"])
        table.add_row(each["id"], each["name"], each["user"], groups, roles, each["last_used_at"] or "never", ends)
    show.out.print(table)


@app.command()
def rotate(
    key_id: str,
    grace_hours: Annotated[float, typer.Option(min=0, help="How long the old key still opens.")] = 24,
    json: AsJson = False,
) -> None:
    """Give a key's holder a new secret; the old key opens a while longer."""
    _issued(connect(configuration.load()).post(f"{_KEYS}/{key_id}/rotate", {"grace_hours": grace_hours}), json=json)


@app.command()
def revoke(key_id: str, json: AsJson = False) -> None:
    """End a key at once."""
    ended = connect(configuration.load()).delete(f"{_KEYS}/{key_id}")
    show.as_json(ended) if json else show.out.print(f"{key_id} opens nothing any more.", highlight=False)


def _issued(issued: dict[str, Any], *, json: bool) -> None:
    if json:
        show.as_json(issued)
        return
    show.err.print(f"{issued['key']['id']}, shown this once:", highlight=False)
    sys.stdout.write(issued["secret"] + "\n")
