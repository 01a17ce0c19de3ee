"""The commands. Each talks to a running server over HTTP, except `serve`, `demo` and `doctor`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from app import settings as configuration
from app.cli import show
from app.cli.client import Client, Failure, api_key, connect
from app.settings import SettingsError

app = typer.Typer(
    help="Ask questions of your own documents, on your own hardware, with every sentence cited.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
jobs_app = typer.Typer(help="Follow and retry jobs.", invoke_without_command=True)
keys_app = typer.Typer(help="API keys.", no_args_is_help=True)
index_app = typer.Typer(help="Indexes of collections.", no_args_is_help=True)
app.add_typer(jobs_app, name="jobs")
app.add_typer(keys_app, name="keys")
app.add_typer(index_app, name="index")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
InCollection = Annotated[str, typer.Option("--collection", "-c", help="The collection.")]


def main() -> None:
    """Entry point: errors are one line on stderr and exit code 1 (settings: 2)."""
    try:
        app()
    except SettingsError as error:
        show.err.print(f"[red]These settings cannot be used:[/]\n{error}", highlight=False)
        sys.exit(2)
    except Failure as error:
        show.err.print(f"[red]{error}[/]", highlight=False)
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
def doctor(json: AsJson = False) -> None:
    """Say what is in use and what is unreachable."""
    from app.cli.doctor import run

    sys.exit(0 if run(configuration.load(), as_json=json) else 1)


@app.command()
def ingest(
    paths: Annotated[list[Path], typer.Argument(exists=True, help="Files and folders.")],
    collection: InCollection = "default",
    wait: Annotated[bool, typer.Option(help="Follow the jobs to their end.")] = True,
    json: AsJson = False,
) -> None:
    """Upload files and follow them until they can be searched."""
    client = connect(configuration.load())
    documents = [document for path in _files(paths) for document in client.upload([path], collection)]
    if json and not wait:
        show.as_json(documents)
        return
    jobs = show.follow_jobs(client, documents) if wait and not json else _ended(client, documents) if wait else []
    if json:
        show.as_json(jobs)
    failed = [job for job in jobs if job["status"] != "succeeded"]
    for job in failed:
        show.err.print(f"[red]{job['error']['detail'] if job['error'] else job['status']}[/]")
    sys.exit(1 if failed else 0)


@app.command()
def ask(question: str, collection: InCollection = "default", json: AsJson = False) -> None:
    """Ask a question; the answer streams, with its citations."""
    client = connect(configuration.load())
    body = {"query": question, "collection": collection}
    if json:
        show.as_json(client.post("/v1/query", body | {"stream": False}))
    else:
        show.answer(client.events("POST", "/v1/query", body))


@app.command()
def search(
    query: str,
    collection: InCollection = "default",
    top_k: Annotated[int, typer.Option(min=1, max=50)] = 8,
    json: AsJson = False,
) -> None:
    """Find passages; no model is asked."""
    body = {"query": query, "collection": collection, "top_k": top_k}
    found = connect(configuration.load()).post("/v1/search", body)
    show.as_json(found) if json else show.passages(found["passages"])


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


@index_app.command("reindex")
def index_reindex(
    collection: str,
    embedding_model: Annotated[str | None, typer.Option(help="all-MiniLM-L6-v2, or ollama/NAME.")] = None,
    chunker: Annotated[str | None, typer.Option(help="How documents are cut, such as layout-200-1.")] = None,
    wait: Annotated[bool, typer.Option(help="Follow the job to its end.")] = True,
    json: AsJson = False,
) -> None:
    """Build a collection anew, by default as new collections are; the present build answers until it is done."""
    client = connect(configuration.load())
    body = {"embedding_model": embedding_model, "chunker": chunker}
    job = client.post(f"/v1/collections/{quote(collection, safe='')}/reindex", body)
    if wait:
        (job,) = _ended(client, [{"job_id": job["id"]}])
    show.as_json(job) if json else show.jobs([job])
    sys.exit(1 if job["status"] in ("failed", "cancelled") else 0)


@keys_app.command("first")
def keys_first() -> None:
    """Print the first API key of the server in this data folder."""
    sys.stdout.write(api_key(configuration.load()) + "\n")


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


def _ended(client: Client, documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for document in documents:
        for _ in client.events("GET", f"/v1/jobs/{document['job_id']}/events"):
            pass
    return [client.get(f"/v1/jobs/{document['job_id']}") for document in documents]
