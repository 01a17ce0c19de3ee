"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated, Any

import typer

InCollection = Annotated[str, typer.Option("--collection", "-c", help="The collection.")]
InCollections = Annotated[
    list[str] | None,
    typer.Option("--collection", "-c", help="The collection; repeatable: several at once.", show_default="default"),
]


def searched(collections: list[str] | None) -> dict[str, Any]:
    """As the API takes it."""
    return {"collections": collections} if collections else {}
