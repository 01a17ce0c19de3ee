"""`cairn tenants`: who shares the machine, and sees nothing of each other. For its operator: no server is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from app import settings as configuration
from app.cli import show
from app.cli.exits import Failure
from app.cli.show import AsJson
from pipelines.domain.errors import CairnError

if TYPE_CHECKING:
    from app.services.tenants import Tenants

app = typer.Typer(help="Tenants of this machine (not over HTTP: on its own catalog).", no_args_is_help=True)


@app.command()
def create(name: str, json: AsJson = False) -> None:
    """Make a tenant, and print the key of its first admin, this once."""
    with _opened() as tenants:
        issued = tenants.create(name)
    if json:
        show.as_json({"tenant": name, "key_id": issued.key.id, "secret": issued.secret})
    else:
        show.out.print(f"{name} is there. Its admin's key, shown this once: {issued.secret}", highlight=False)


@app.command("list")
def list_tenants(json: AsJson = False) -> None:
    """List the tenants."""
    with _opened() as tenants:
        found = tenants.all()
    show.as_json({"tenants": found}) if json else show.out.print("\n".join(found), highlight=False)


@contextmanager
def _opened() -> Iterator[Tenants]:
    from app.bootstrap import operation

    try:
        with operation.tenants(configuration.load()) as tenants:
            yield tenants
    except CairnError as error:
        raise Failure(f"{error.detail} ({error.code})") from error
