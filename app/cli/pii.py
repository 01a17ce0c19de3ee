"""`cairn pii`: what personal data is found in a file or in lines of text, and what becomes of it in a collection."""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.table import Table

from app import settings as configuration
from app.cli import show
from app.cli.client import connect
from app.cli.exits import Failure
from app.cli.show import AsJson
from app.client import Cairn

app = typer.Typer(help="Personal data: what is found, and what becomes of it.", no_args_is_help=True)

Wait = Annotated[bool, typer.Option(help="Follow the job that reads documents again to its end.")]


@app.command()
def check(
    file: Annotated[
        str, typer.Argument(help='A file of any kind that is read; "-": JSON lines of {"text"} from stdin.')
    ],
    policy: Annotated[str | None, typer.Option(help="What is looked for; default: everything.")] = None,
    json: AsJson = False,
) -> None:
    """Show what personal data is found; needs no server.

    For `-`, each line is answered by one of {"spans": [{"type", "start", "end", "score"}]}.
    """
    from app.cli import pii_check

    pii_check.run(configuration.load(), file, policy, as_json=json)


@app.command("policy")
def show_policy(
    collection: str,
    preset: Annotated[
        str | None, typer.Option(help="Change it: default, strict or off, besides the rules given.")
    ] = None,
    rule: Annotated[
        list[str] | None, typer.Option(help="ENTITY=ACTION or ENTITY=ACTION:THRESHOLD; repeatable.")
    ] = None,
    allow: Annotated[list[str] | None, typer.Option(help='What stays, such as "*@example.org"; repeatable.')] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Back to the server's settings.")] = False,
    wait: Wait = True,
    json: AsJson = False,
) -> None:
    """Show or change what becomes of personal data in a collection; a change replaces all rules of its own.

    Documents that are there are read again. What the new policy is stricter about answers no more until it was.
    """
    client, path = connect(configuration.load()), _path(collection)
    if reset:
        policy = client.delete(path)
    elif preset or rule or allow:
        wanted = {"preset": preset or "default", "rules": dict(map(_rule, rule or [])), "allow": allow or []}
        policy = client.put(path, wanted)
    else:
        policy = client.get(path)
    if wait:
        policy = _read_again(client, path, policy)
    if json:
        show.as_json(policy)
        return
    table = Table("entity", "action", "from score", box=None)
    for entity, each in policy["rules"].items():
        table.add_row(entity, each["action"], f"{each['threshold']:.2f}")
    show.out.print(f"{policy['id']}, {policy['recognisers']}", highlight=False)
    show.out.print(table)
    for entry in policy["allow"]:
        show.out.print(f"stays: {entry}", markup=False, highlight=False)
    for id_, documents in policy["documents"].items():
        show.out.print(f"{documents} documents were read under {id_ or 'an earlier release'}", highlight=False)
    if policy["note"]:
        show.out.print(policy["note"], highlight=False)


@app.command()
def redo(collection: str, wait: Wait = True, json: AsJson = False) -> None:
    """Read the documents of a collection again: after an upgrade that finds more, or when the job of a change failed."""
    client, path = connect(configuration.load()), _path(collection)
    policy = client.post(f"{path}/redo")
    policy = _read_again(client, path, policy) if wait else policy
    show.as_json(policy) if json else show.out.print(f"Read by {policy['id']}: {policy['documents']}", highlight=False)


@app.command()
def report(document_id: str, json: AsJson = False) -> None:
    """Show how much of each kind was found in a document's latest version; never what."""
    version = connect(configuration.load()).get(f"/v1/documents/{quote(document_id, safe='')}")["latest_version"]
    if json:
        show.as_json({name: version[name] for name in ("id", "pii_counts", "pii_policy", "pii_recognisers")})
        return
    table = Table("entity", "found", box=None)
    for entity, count in version["pii_counts"].items():
        table.add_row(entity, str(count))
    show.out.print(table if version["pii_counts"] else "Nothing was found.")
    show.out.print(f"{version['pii_policy']}, {version['pii_recognisers']}", highlight=False)


@app.command()
def reveal(document_id: str, placeholder: str, json: AsJson = False) -> None:
    """Show what stands behind a placeholder that the policy sealed, to who has the role; each time is on the record."""
    path = f"/v1/documents/{quote(document_id, safe='')}/reveal"
    revealed = connect(configuration.load()).post(path, {"placeholder": placeholder})
    show.as_json(revealed) if json else show.out.print(revealed["value"], markup=False, highlight=False)


def _path(collection: str) -> str:
    return f"/v1/collections/{quote(collection, safe='')}/pii"


def _read_again(client: Cairn, path: str, policy: dict[str, Any]) -> dict[str, Any]:
    """The policy once the job that it started, if any, is over. Raises Failure."""
    if not policy["job_id"]:
        return policy
    job = client.ended(policy["job_id"])
    if job.status != "succeeded":
        why = job.error.detail if job.error else job.status
        raise Failure(f"The documents were not all read again: {why} (job {job.id})")
    return {**client.get(path), "job_id": job.id}


def _rule(given: str) -> tuple[str, dict[str, Any]]:
    match = re.fullmatch(r"(\w+)=(\w+)(?::([\d.]+))?", given)
    if match is None:
        raise typer.BadParameter(f"{given!r} is not ENTITY=ACTION or ENTITY=ACTION:THRESHOLD.")
    entity, action, threshold = match.groups()
    return entity, {"action": action, **({"threshold": float(threshold)} if threshold else {})}
