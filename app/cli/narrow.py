"""What narrows a question to some documents, as options of commands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, Any

import typer

Documents = Annotated[
    list[str] | None, typer.Option("--document", metavar="ID", help="Only this one; may be repeated.")
]
Metadata = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY=VALUE", help="Only where it says so; another value of the same key is as good."),
]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="Only documents with this tag, or another one given.")]
From = Annotated[str | None, typer.Option("--from", metavar="DATE", help="Only from this day on: 2026-03-31.")]
To = Annotated[str | None, typer.Option("--to", metavar="DATE", help="Only up to this day, inclusive.")]


def filters(
    documents: Sequence[str] | None,
    metadata: Sequence[str] | None,
    tags: Sequence[str] | None,
    date_from: str | None,
    date_to: str | None,
) -> dict[str, Any]:
    """As the API takes them. Raises typer.BadParameter."""
    by_key: defaultdict[str, list[str]] = defaultdict(list)
    for pair in metadata or ():
        key, equals, value = pair.partition("=")
        if not (key and equals):
            raise typer.BadParameter(f"expected KEY=VALUE, got {pair!r}", param_hint="--metadata")
        by_key[key].append(value)
    given = {
        "document_ids": documents,
        "metadata": by_key,
        "tags": tags,
        "date_from": date_from,
        "date_to": date_to,
    }
    return {name: value for name, value in given.items() if value}
