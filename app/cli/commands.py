"""The commands. Each talks to a running server over HTTP, except `serve`, `demo` and `doctor`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from app import settings as configuration
from app.bootstrap import operation
from app.cli import (
    audit,
    backup,
    bundles,
    caches,
    collections,
    documents,
    erase,
    erasures,
    golden,
    index,
    keys,
    narrow,
    pii,
    show,
    sources,
    tenants,
)
from app.cli.client import Event, Failure, connect
from app.cli.show import AsJson
from app.observability import logs
from app.settings import SettingsError
from pipelines.domain.errors import CairnError
from pipelines.ingest.chunk import CHUNKER

app = typer.Typer(
    help="Ask questions of your own documents, on your own hardware, with every sentence cited.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
jobs_app = typer.Typer(help="Follow and retry jobs.", invoke_without_command=True)
app.add_typer(jobs_app, name="jobs")
app.add_typer(keys.app, name="keys")
app.add_typer(audit.app, name="audit")
app.add_typer(collections.app, name="collections")
app.add_typer(documents.app, name="documents")
app.add_typer(sources.app, name="sources")
app.add_typer(index.app, name="index")
app.add_typer(caches.app, name="caches")
app.add_typer(erasures.app, name="erasures")
app.add_typer(erase.app, name="erase")
app.add_typer(golden.app, name="golden")
app.add_typer(tenants.app, name="tenants")
app.add_typer(pii.app, name="pii")
app.command()(backup.backup)
app.command()(backup.restore)

InCollection = Annotated[str, typer.Option("--collection", "-c", help="The collection.")]


def main() -> None:
    """Entry point: errors are one line on stderr and exit code 1 (settings: 2). What is logged never mixes with output."""
    logs.configure("warning", "text")
    try:
        app()
    except SettingsError as error:
        show.err.print(f"[red]These settings cannot be used:[/]\n{error}", highlight=False, soft_wrap=True)
        sys.exit(2)
    except Failure as error:
        show.err.print(f"[red]{error}[/]", highlight=False, soft_wrap=True)
        sys.exit(1)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder for everything it keeps.")] = None,
) -> None:
    """Start the server: API, workflows and index in one process."""
    from app.cli.serve import run

    given = {"host": host, "port": port, "data_dir": data_dir}
    run(configuration.load(**{name: value for name, value in given.items() if value is not None}))


@app.command()
def demo(
    files: Annotated[list[Path] | None, typer.Argument(help="Files to ask about; default: a sample handbook.")] = None,
    ask: Annotated[str | None, typer.Option("--ask", "-q", help="The question.")] = None,
) -> None:
    """Start a server, take files in, ask a question, print the cited answer."""
    from app.cli.demo import run

    run(configuration.load(), files or [], ask)


@app.command()
def migrate(
    grant: Annotated[
        str | None,
        typer.Option(
            metavar="ROLE", help="PostgreSQL: let this role serve; it owns nothing, and changes no audit row."
        ),
    ] = None,
) -> None:
    """Bring the databases to this release, before its servers start (which they do themselves where nobody did)."""
    try:
        asyncio.run(operation.migrate(configuration.load(), grant))
    except CairnError as error:
        raise Failure(f"{error.detail} ({error.code})") from error
    show.out.print("The databases are at this release.")


@app.command()
def doctor(json: AsJson = False) -> None:
    """Say what is in use and what is unreachable."""
    from app.cli.doctor import run

    sys.exit(0 if run(configuration.load(), as_json=json) else 1)


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A file of any kind that is read.")],
    draw: Annotated[
        Path | None, typer.Option(help="Folder for pictures of the pages with boxes and reading order.")
    ] = None,
    chunker: Annotated[str, typer.Option(help="How the text is cut.")] = CHUNKER,
    json: AsJson = False,
) -> None:
    """Show what is read of a file (before redaction): blocks, tables, chunks. Needs no server."""
    from app.cli.inspect import run

    run(configuration.load(), file, draw, chunker, as_json=json)


@app.command()
def ingest(
    paths: Annotated[list[Path], typer.Argument(exists=True, help="Files and folders.")],
    collection: InCollection = "default",
    unpack: Annotated[bool, typer.Option("--unpack", help="They are ZIP archives of documents.")] = False,
    reader: Annotated[
        list[str] | None, typer.Option(help="user:NAME, group:NAME or everyone; repeatable. As the collection says.")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Follow the jobs to their end.")] = True,
    json: AsJson = False,
) -> None:
    """Upload files and follow them until they can be searched."""
    client = connect(configuration.load())
    if unpack:
        sys.exit(0 if bundles.run(client, _files(paths), collection, reader, wait=wait, as_json=json) else 1)
    taken = [each for path in _files(paths) for each in client.upload([path], collection, readers=reader)]
    if json and not wait:
        show.as_json(taken)
        return
    jobs = (
        show.follow_jobs(client, taken)
        if wait and not json
        else [client.ended(document["job_id"]) for document in taken]
        if wait
        else []
    )
    if json:
        show.as_json(jobs)
    failed = [job for job in jobs if job["status"] != "succeeded"]
    for job in failed:
        show.err.print(f"[red]{job['error']['detail'] if job['error'] else job['status']}[/]")
    sys.exit(1 if failed else 0)


@app.command()
def ask(
    question: str,
    collection: InCollection = "default",
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
    """Ask a question; the answer streams, with its citations."""
    client = connect(configuration.load())
    filters = narrow.filters(document, metadata, tag, date_from, date_to)
    body = {"query": question, "collection": collection, "conversation_id": conversation, "filters": filters}
    if stream or (stream is None and not json):
        events = client.events("POST", "/v1/query", body)
        show.json_lines(events) if json else show.answer(events)
    else:
        whole = client.post("/v1/query", body | {"stream": False})
        show.as_json(whole) if json else show.answer([Event("delta", whole), Event("answer", whole)])


@app.command()
def chat(collection: InCollection = "default") -> None:
    """Ask one question after the other; each may lean on those before it. An empty line ends."""
    client = connect(configuration.load())
    conversation = client.post("/v1/conversations")["id"]
    while question := show.question():
        body = {"query": question, "collection": collection, "conversation_id": conversation}
        show.answer(client.events("POST", "/v1/query", body))


@app.command()
def search(
    query: str,
    collection: InCollection = "default",
    top_k: Annotated[int, typer.Option(min=1, max=50)] = 8,
    document: narrow.Documents = None,
    metadata: narrow.Metadata = None,
    tag: narrow.Tags = None,
    date_from: narrow.From = None,
    date_to: narrow.To = None,
    json: AsJson = False,
) -> None:
    """Find passages; no model is asked."""
    filters = narrow.filters(document, metadata, tag, date_from, date_to)
    body = {"query": query, "collection": collection, "top_k": top_k, "filters": filters}
    found = connect(configuration.load()).post("/v1/search", body)
    show.as_json(found) if json else show.passages(found["passages"])


@app.command()
def evaluate(
    file: Annotated[
        Path | None, typer.Argument(metavar="[SET]", help="JSON lines of golden questions; default: the collection's.")
    ] = None,
    collection: InCollection = "default",
    compare: Annotated[
        tuple[str, str] | None, typer.Option(metavar="RUN RUN", help="Two runs, rather than asking.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Ask golden questions, and score passages, citations and answers."""
    from app.cli import evaluate as evaluation

    client = connect(configuration.load())
    if compare is not None:
        evaluation.compare(client, *compare, as_json=json)
    else:
        evaluation.run(client, file, collection, as_json=json)


@jobs_app.callback()
def jobs_list(context: typer.Context, json: AsJson = False) -> None:
    """List the latest jobs."""
    if context.invoked_subcommand is None:
        found = connect(configuration.load()).get("/v1/jobs")
        show.as_json(found) if json else show.jobs(found["jobs"])


@jobs_app.command("show")
def jobs_show(job_id: str) -> None:
    """Print a job with its steps, as JSON."""
    show.as_json(connect(configuration.load()).get(f"/v1/jobs/{job_id}"))


@jobs_app.command("retry")
def jobs_retry(job_id: str, json: AsJson = False) -> None:
    """Start a failed or cancelled job again."""
    job = connect(configuration.load()).post(f"/v1/jobs/{job_id}/retry")
    show.as_json(job) if json else show.jobs([job])


def _files(paths: list[Path]) -> list[Path]:
    """The files named, and those in folders named, in order; hidden ones are left out."""
    found: list[Path] = []
    for path in paths:
        inside = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
        found += [
            each
            for each in inside
            if path == each or not any(part.startswith(".") for part in each.relative_to(path).parts)
        ]
    return found
