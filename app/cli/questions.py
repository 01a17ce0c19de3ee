"""`cairn ask`, `cairn chat`, `cairn search`."""

from __future__ import annotations

from typing import Annotated

import typer

from app import settings as configuration
from app.cli import narrow, show
from app.cli.client import connect
from app.cli.options import InCollections, searched
from app.cli.show import AsJson
from app.client import Event


def ask(
    question: Annotated[str, typer.Argument(help="In quotes.")],
    collection: InCollections = None,
    conversation: Annotated[str | None, typer.Option(help="The id of one; the question may lean on it.")] = None,
    stream: Annotated[
        bool | None, typer.Option(help="Sentence by sentence (JSON: an event a line); as it is unless --json is given.")
    ] = None,
    document: narrow.Documents = None,
    metadata: narrow.Metadata = None,
    tag: narrow.Tags = None,
    date_from: narrow.From = None,
    date_to: narrow.To = None,
    json: AsJson = False,
) -> None:
    """Ask a question; the answer streams, with its citations.

    An answer that says that the documents do not answer is an answer: exit code 0, and `abstained` in the JSON.
    """
    client = connect(configuration.load())
    asked = searched(collection) | {
        "filters": narrow.filters(document, metadata, tag, date_from, date_to),
        "conversation_id": conversation,
    }
    if stream or (stream is None and not json):
        events = client.ask(question, **asked)
        show.json_lines(events) if json else show.answer(events)
        return
    whole = client.answer(question, **asked)
    if json:
        show.as_json(whole)
    else:
        show.answer([Event("delta", {"text": whole.text}), Event("answer", whole.model_dump(mode="json"))])


def chat(collection: InCollections = None) -> None:
    """Ask one question after the other; each may lean on those before it. An empty line ends."""
    client = connect(configuration.load())
    conversation = client.begin_conversation()
    while question := show.question():
        show.answer(client.ask(question, **searched(collection), conversation_id=conversation.id))


def search(
    query: Annotated[str, typer.Argument(help="In quotes.")],
    collection: InCollections = None,
    top_k: Annotated[int, typer.Option("--top-k", "-k", min=1, max=50, help="Passages.")] = 8,
    document: narrow.Documents = None,
    metadata: narrow.Metadata = None,
    tag: narrow.Tags = None,
    date_from: narrow.From = None,
    date_to: narrow.To = None,
    json: AsJson = False,
) -> None:
    """Find passages; no model is asked."""
    filters = narrow.filters(document, metadata, tag, date_from, date_to)
    found = connect(configuration.load()).search(query, **searched(collection), top_k=top_k, filters=filters)
    show.as_json(found) if json else show.passages(found.passages)
