"""The command itself."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from app import settings as configuration
from app.cli import bundles, show
from app.cli.client import connect
from app.cli.exits import Exit, code_of
from app.cli.ingest import files
from app.cli.ingest.interrupts import interruptible
from app.cli.ingest.journal import Journal
from app.cli.ingest.passes import Outcome, Passes
from app.cli.ingest.sending import Wanted
from app.cli.ingest.watching import changes
from app.cli.options import InCollection
from app.cli.show import AsJson
from app.client import Cairn, Retries

_PATIENT = Retries(attempts=8, first_s=0.5, longest_s=60)  # a server may be started again meanwhile
_AWAY_S = 10.0
_NAMES = {"known": "there already", "ready": "can be searched", "failed": "failed", "sent": "sent"}
_FEW = 3  # files whose steps are shown one by one


def ingest(
    paths: Annotated[list[Path], typer.Argument(exists=True, help="Files and folders.")],
    collection: InCollection = "default",
    unpack: Annotated[bool, typer.Option("--unpack", help="They are ZIP archives of documents.")] = False,
    reader: Annotated[
        list[str] | None, typer.Option(help="user:NAME, group:NAME or everyone; repeatable. As the collection says.")
    ] = None,
    parallel: Annotated[int, typer.Option("--parallel", "-j", min=1, max=64, help="Uploads at once.")] = 4,
    wait: Annotated[bool, typer.Option(help="Follow the jobs to their end.")] = True,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete the documents of files that are gone from the folders.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on: send what is new or changed, until Ctrl-C.")] = False,
    settle: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="With --watch: how long a file must stay as it is.")
    ] = 2.0,
    json: AsJson = False,
) -> None:
    """Upload files and folders, and follow them until they can be searched.

    What the server has already is not sent again, so the same command goes on where Ctrl-C, a lost connection or a refused
    file ended it. A file that changed since is a new version of its document. Hidden and unfinished files are left out.

    With --json: one object; with --watch too, one a line for each pass. Exit code 1 when a file was refused or its job
    failed, 130 after Ctrl-C.
    """
    settings = configuration.load()
    if unpack:
        if watch or delete:
            raise typer.BadParameter("--unpack goes with neither --watch nor --delete.")
        done = bundles.run(connect(settings), files.found(paths), collection, reader, wait=wait, as_json=json)
        sys.exit(Exit.OK if done else Exit.FAILED)
    wanted = Wanted(collection, tuple(reader) if reader else None, parallel)
    found = files.found(paths)
    steps = wait and not (json or watch) and len(found) <= _FEW
    with (
        interruptible() as stop,
        connect(settings, _PATIENT, stop.wait) as client,
        Journal.of(client.address, collection) as journal,
    ):
        passes = Passes(client, journal, wanted, stop, wait=wait and not steps, quiet=json or steps)
        outcome = _pass(passes, found, _folders(paths) if delete else ())
        if watch:
            _say(outcome, as_json=json, a_line=True)
            _watch(passes, paths, found, settle, delete=delete, as_json=json)
    if steps and not outcome.interrupted and not outcome.error:
        _follow(connect(settings), outcome)
    if not watch:
        _say(outcome, as_json=json)
    sys.exit(Exit.OK if watch else outcome.exit)


def _folders(paths: Sequence[Path]) -> list[Path]:
    return [path.absolute() for path in paths if path.is_dir()]


def _pass(passes: Passes, found: Sequence[Path], emptied: Sequence[Path]) -> Outcome:
    """`emptied`: folders whose files that are gone lose their documents. Raises ClientError when it cannot delete those."""
    outcome = passes.run(found)
    for folder in emptied if outcome.exit in (Exit.OK, Exit.FAILED) and outcome.error is None else ():
        if files.found([folder]):
            outcome.deleted += passes.remove(folder)
        else:
            show.err.print(f"{folder} is empty: nothing is deleted, it may not be mounted.", highlight=False)
    return outcome


def _watch(
    passes: Passes, paths: Sequence[Path], found: Sequence[Path], settle: float, *, delete: bool, as_json: bool
) -> None:
    """Until it is told to stop."""
    if not as_json:
        show.err.print(f"Watching {', '.join(map(str, paths))}; Ctrl-C ends.", highlight=False)
    for ready in changes(paths, found, settle, passes.stop):
        outcome = _persistently(passes, ready, _folders(paths) if delete else ())
        if outcome.sent or outcome.deleted:
            _say(outcome, as_json=as_json, a_line=True)


def _persistently(passes: Passes, ready: Sequence[Path], emptied: Sequence[Path]) -> Outcome:
    """A server that is away is waited for. Raises ClientError where that is no use."""
    while True:
        outcome = _pass(passes, ready, emptied)
        if outcome.error is None or outcome.interrupted:
            return outcome
        if code_of(outcome.error) is Exit.NO_ACCESS:
            raise outcome.error
        show.err.print(f"{outcome.error} Trying again.", markup=False, highlight=False, soft_wrap=True)
        passes.stop.wait(_AWAY_S)


def _follow(client: Cairn, outcome: Outcome) -> None:
    """Step by step."""
    for each in outcome.sent:
        if each.upload is not None and each.status == "sent":
            (outcome.jobs[each.path],) = show.follow_jobs(client, [each.upload])


def _say(outcome: Outcome, *, as_json: bool, a_line: bool = False) -> None:
    if as_json:
        show.as_json(outcome.as_json(), a_line=a_line)
        return
    for path, error in outcome.failed:
        show.err.print(f"{path}: {error.detail} ({error.code})", markup=False, highlight=False, soft_wrap=True)
    counts = [f"{count:,} {_NAMES.get(status, status)}" for status, count in sorted(outcome.counts.items())]
    if outcome.deleted:
        counts.append(f"{len(outcome.deleted):,} deleted")
    if outcome.error:
        show.err.print(f"{outcome.error}", style="red", markup=False, highlight=False, soft_wrap=True)
    if outcome.interrupted or outcome.error:
        counts.append(f"{outcome.left:,} left: the same command goes on" if outcome.left else "their jobs go on")
    pace = (
        f", {len(outcome.sent) / outcome.seconds:,.1f} files/s" if len(outcome.sent) > _FEW and outcome.seconds else ""
    )
    show.out.print(f"{', '.join(counts) or 'no files'} in {outcome.seconds:,.1f} s{pace}", highlight=False)
