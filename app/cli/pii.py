"""`cairn pii`: what personal data is found in a file or in lines of text, and what becomes of it in a collection."""

from __future__ import annotations

import asyncio
import json as json_
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, TextIO
from urllib.parse import quote

import typer
from rich.table import Table

from app import settings as configuration
from app.cli import show
from app.cli.client import Failure, connect
from app.cli.show import AsJson
from app.settings import Settings
from pipelines.domain.documents import Block
from pipelines.domain.errors import CairnError
from pipelines.domain.privacy import PiiPolicy, PiiSpan
from pipelines.ingest.chunk import CHUNKER
from pipelines.ingest.redact import EVERYTHING, POLICIES
from pipelines.ingest.redact.detect import detect

app = typer.Typer(help="Personal data: what is found, and what becomes of it.", no_args_is_help=True)

_POLICIES = {policy.name: policy for policy in (EVERYTHING, *POLICIES.values())}
STDIN = "-"


@app.command()
def check(
    file: Annotated[
        str, typer.Argument(help='A file of any kind that is read; "-": JSON lines of {"text"} from stdin.')
    ],
    policy: Annotated[str, typer.Option(help=f"What is looked for: {', '.join(_POLICIES)}.")] = EVERYTHING.name,
    json: AsJson = False,
) -> None:
    """Show what personal data is found; needs no server.

    For `-`, each line is answered by one of {"spans": [{"type", "start", "end", "score"}]}.
    """
    if policy not in _POLICIES:
        raise typer.BadParameter(f"There is no policy {policy!r}; there are {', '.join(_POLICIES)}.")
    settings = configuration.load()
    wanted = replace(_POLICIES[policy], names=str(settings.pii_names_model) if settings.pii_names_model else None)
    try:
        if file == STDIN:
            for answer in answers(sys.stdin, wanted):
                sys.stdout.write(json_.dumps(answer) + "\n")
                sys.stdout.flush()
        else:
            _check_file(settings, Path(file), wanted, as_json=json)
    except CairnError as error:
        raise Failure(f"{error.detail} ({error.code})") from error
    except OSError as error:
        raise Failure(f"{error.filename or file}: {error.strerror}.") from error


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
    json: AsJson = False,
) -> None:
    """Show or change what becomes of personal data in a collection; a change replaces all rules of its own."""
    client, path = connect(configuration.load()), f"/v1/collections/{quote(collection, safe='')}/pii"
    if reset:
        policy = client.delete(path)
    elif preset or rule or allow:
        wanted = {"preset": preset or "default", "rules": dict(map(_rule, rule or [])), "allow": allow or []}
        policy = client.put(path, wanted)
    else:
        policy = client.get(path)
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


def _rule(given: str) -> tuple[str, dict[str, Any]]:
    match = re.fullmatch(r"(\w+)=(\w+)(?::([\d.]+))?", given)
    if match is None:
        raise typer.BadParameter(f"{given!r} is not ENTITY=ACTION or ENTITY=ACTION:THRESHOLD.")
    entity, action, threshold = match.groups()
    return entity, {"action": action, **({"threshold": float(threshold)} if threshold else {})}


def answers(lines: TextIO, policy: PiiPolicy) -> Iterator[dict[str, Any]]:
    """One for each line that is not empty. Raises Failure."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            text = json_.loads(line)["text"]
        except (ValueError, KeyError, TypeError, RecursionError):
            text = None
        if not isinstance(text, str):
            raise Failure(f'Line {number} is not a JSON object with a "text".')
        yield {"spans": [_span(span) for span in detect(text, policy)]}


def _check_file(settings: Settings, file: Path, policy: PiiPolicy, *, as_json: bool) -> None:
    blocks = asyncio.run(_blocks(settings, file))
    found = [(block, spans) for block in blocks if (spans := detect(block.text, policy))]
    if as_json:
        rows = [{"page": block.page, "text": block.text, "spans": list(map(_span, spans))} for block, spans in found]
        show.as_json({"file": file.name, "counts": _counts(found), "blocks": rows})
        return
    pages: dict[str, set[int]] = defaultdict(set)
    for block, spans in found:
        for span in spans:
            pages[span.entity].add(block.page)
    table = Table("entity", "found", "pages", box=None)
    for entity, count in _counts(found).items():
        table.add_row(entity, str(count), ", ".join(map(str, sorted(pages[entity]))))
    show.out.print(table if found else "Nothing was found.")


async def _blocks(settings: Settings, file: Path) -> tuple[Block, ...]:
    from app.bootstrap.inspection import inspection

    async with inspection(settings) as reading:
        return (await reading.read(file, CHUNKER)).document.blocks


def _counts(found: list[tuple[Block, list[PiiSpan]]]) -> dict[str, int]:
    return dict(Counter(span.entity for _, spans in found for span in spans).most_common())


def _span(span: PiiSpan) -> dict[str, Any]:
    return {"type": span.entity, "start": span.start, "end": span.end, "score": round(span.score, 3)}
