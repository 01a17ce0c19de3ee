"""`cairn audit`: what was done, and whether the record of it is whole."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from app import settings as configuration
from app.cli import show
from app.cli.client import connect
from app.cli.erasures import verify as signed
from app.cli.show import AsJson
from app.client import calls
from pipelines.domain.audit import head_statement, problems

app = typer.Typer(help="Who did what.", no_args_is_help=True)

_AUDIT = "/v1/admin/audit"


@app.command()
def export(after: Annotated[int, typer.Option(min=0, help="From the row after this number.")] = 0) -> None:
    """Print the record as JSON lines."""
    for line in connect(configuration.load()).lines(calls.raw("GET", _AUDIT, after=after)):
        sys.stdout.write(line + "\n")


@app.command("verify")
def verify_chain(
    public_key: Annotated[
        str | None, typer.Option(help="What you verify with (base64); default: the server's, which proves less.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Find every row that was changed, removed or reordered; exit code 1 when there is one."""
    client = connect(configuration.load())
    head = client.get(f"{_AUDIT}/head")
    statement = head_statement(head["tenant_id"], head["number"], head["digest"])
    found = list(problems(client.lines(calls.raw("GET", _AUDIT)), head["number"], head["digest"]))
    if head["signature"] is None or not signed(statement, head["signature"], public_key or head["public_key"]):
        found.append("the end of the chain is not signed by this key")
    if json:
        show.as_json({"rows": head["number"], "problems": found, "public_key": head["public_key"]})
    else:
        for problem in found:
            show.out.print(f"[red]✗[/] {problem}", highlight=False)
        if not found:
            show.out.print(f"[green]✓[/] {head['number']:,} rows, whole, signed by {head['signature']['key_id']}")
    sys.exit(1 if found else 0)
