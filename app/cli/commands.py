"""The commands. Each talks to a running server over HTTP, except `serve`, `demo` and `doctor`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from app import settings as configuration
from app.cli import (
    audit,
    backup,
    caches,
    collections,
    documents,
    erase,
    erasures,
    golden,
    index,
    jobs,
    keys,
    login,
    pii,
    questions,
    show,
    sources,
    tenants,
)
from app.cli.client import connect
from app.cli.examples import teach
from app.cli.exits import Exit, Failure, code_of
from app.cli.ingest.command import ingest
from app.cli.options import InCollection
from app.cli.show import AsJson
from app.client import ClientError, Unreachable
from app.observability import logs
from app.settings import SettingsError
from pipelines.domain.errors import CairnError

app = typer.Typer(
    help="Ask questions of your own documents, on your own hardware, with every sentence cited.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(login.login)
app.command()(login.logout)
app.command()(login.whoami)
app.command()(ingest)
app.command()(questions.ask)
app.command()(questions.chat)
app.command()(questions.search)
app.add_typer(jobs.app, name="jobs")
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


def main() -> None:
    """Entry point: errors are one line on stderr and an exit code (exits.py). What is logged never mixes with output."""
    logs.configure("warning", "text")
    try:
        command()(prog_name="cairn")
    except SettingsError as error:
        show.err.print(f"[red]These settings cannot be used:[/]\n{error}", highlight=False, soft_wrap=True)
        sys.exit(Exit.USAGE)
    except (Failure, ClientError) as error:
        hint = " Start one here with: cairn serve" if isinstance(error, Unreachable) else ""
        show.err.print(Text(f"{error}{hint}", style="red"), highlight=False, soft_wrap=True)
        sys.exit(code_of(error))
    except OSError as error:
        show.err.print(Text(f"{error.filename or 'A file'}: {error.strerror}.", style="red"), soft_wrap=True)
        sys.exit(Exit.FAILED)


def command() -> Any:
    """The whole command line, as Typer makes it."""
    return teach(typer.main.get_command(app))


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
    from app.bootstrap import operation

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
def mcp() -> None:
    """Give assistants on this machine the tools search, ask, list and read, over the Model Context Protocol (stdio).

    For an assistant's settings: command `cairn`, arguments `mcp`; as in `cairn ask`, CAIRN_URL and CAIRN_API_KEY or a login say
    who asks. A server offers the same at URL/mcp.
    """
    from app.cli.mcp import run

    run(configuration.load())


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A file of any kind that is read.")],
    draw: Annotated[
        Path | None, typer.Option(help="Folder for pictures of the pages with boxes and reading order.")
    ] = None,
    chunker: Annotated[str | None, typer.Option(help="How the text is cut; default: as in new collections.")] = None,
    json: AsJson = False,
) -> None:
    """Show what is read of a file (before redaction): blocks, tables, chunks. Needs no server."""
    from app.cli.inspect import run

    run(configuration.load(), file, draw, chunker, as_json=json)


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
