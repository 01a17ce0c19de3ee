"""`cairn login` and `cairn logout`."""

from __future__ import annotations

import sys
from typing import Annotated
from urllib.parse import urlsplit

import typer

from app import settings as configuration
from app.cli import show
from app.cli.client import address_of, connect
from app.cli.credentials import Credentials
from app.cli.exits import Failure
from app.cli.show import AsJson
from app.client import Cairn

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def login(url: Annotated[str, typer.Argument(help="The server, such as https://cairn.example.org.")]) -> None:
    """Keep the key of a server, and talk to it from now on.

    The key is asked for, or read from standard input; it is kept in a file that you alone may read
    ($XDG_CONFIG_HOME/cairn/credentials.json). CAIRN_URL and CAIRN_API_KEY come before it.
    """
    address = address_of(url)
    parts = urlsplit(address)
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        show.err.print("[yellow]http: the key and the documents cross the network in the clear.[/]")
    key = typer.prompt("API key", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    key = key.strip()
    if not key:
        raise Failure("No key was given.")
    with Cairn(address, key) as client:
        me = client.me()
    Credentials.load().with_key(address, key).save()
    show.err.print(f"Logged in to {address} as {me.user} ({', '.join(me.roles)}).", highlight=False)


def whoami(json: AsJson = False) -> None:
    """Say which server commands talk to, and as whom."""
    client = connect(configuration.load())
    me = client.me()
    if json:
        show.as_json({"server": client.address, **me.model_dump()})
        return
    groups = f", in {', '.join(me.groups)}" if me.groups else ""
    show.out.print(f"{me.user} of {me.tenant}{groups} ({', '.join(me.roles)}) at {client.address}", highlight=False)


def logout(
    url: Annotated[str | None, typer.Argument(help="The server; default: the one you talk to.")] = None,
) -> None:
    """Forget the key of a server. The key itself goes on; `cairn keys revoke` ends it."""
    kept = Credentials.load()
    address = address_of(url) if url else kept.current
    if address is None or address not in kept.keys:
        raise Failure(f"You are not logged in{f' to {address}' if address else ''}.")
    kept.without(address).save()
    show.err.print(f"The key of {address} is forgotten.", highlight=False)
