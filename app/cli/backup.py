"""`cairn backup` and `cairn restore`: on the machine itself, beside its server or without one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.progress import Progress, TaskID, TextColumn

from app import settings as configuration
from app.cli import show
from app.cli.exits import Failure
from app.cli.show import AsJson
from pipelines.domain.erasure import key_id
from pipelines.domain.errors import CairnError

if TYPE_CHECKING:
    from app.services.recovery import Restored

R = TypeVar("R")


def backup(
    folder: Annotated[Path, typer.Argument(help="Where the backup's folder is made.")], json: AsJson = False
) -> None:
    """Copy catalog, audit log, files, vectors and keys into a folder; the server may go on."""

    from app.bootstrap import operation

    async def run() -> tuple[Path, str]:
        with _Shown() as shown:
            async with operation.recovery(configuration.load(), alone=False) as recovery:
                return await recovery.backup(folder, shown), key_id(recovery.signer.public_key)

    made, signed_by = _done(run)
    if json:
        show.as_json({"folder": str(made), "signed_by": signed_by})
    else:
        show.out.print(
            f"{made} is whole, and signed by the key {signed_by}. It holds documents and keys: guard it as you guard them.",
            highlight=False,
        )


def restore(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="A folder that `cairn backup` made.")],
    key: Annotated[
        str | None,
        typer.Option(
            help="Who must have signed it: the key's id or the public key; default: your CAIRN_SIGNING_KEY, if any."
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Put a backup into an empty system, of either kind; then start the server."""

    from app.bootstrap import operation

    async def run() -> Restored:
        with _Shown() as shown:
            async with operation.recovery(configuration.load(), alone=True) as recovery:
                return await recovery.restore(folder, shown, key)

    done = _done(run)
    rows = done.rows
    if not done.vouched:
        show.err.print(
            f"[yellow]The backup is whole. That it is yours was not checked: only it itself says that the key {done.signed_by} is"
            " yours. Name your key with --key, or set CAIRN_SIGNING_KEY.[/]",
            highlight=False,
        )
    if json:
        show.as_json({"rows": rows, "signed_by": done.signed_by, "vouched": done.vouched})
    else:
        number = f"{rows.get('documents', 0):,} documents, {rows.get('versions', 0):,} versions"
        show.out.print(
            f"{number} and {rows.get('audit_rows', 0):,} audit rows are back. Start the server.", highlight=False
        )


class _Shown:
    """Counts on the terminal, by what is counted."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"), TextColumn("{task.completed:,.0f}"), console=show.err
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> _Shown:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, what: str, done: int) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=None)
        self._progress.update(self._tasks[what], completed=done)


def _done(work: Callable[[], Coroutine[Any, Any, R]]) -> R:
    try:
        return asyncio.run(work())
    except CairnError as error:
        raise Failure(f"{error.detail} ({error.code})") from error
    except OSError as error:
        raise Failure(f"{error.filename or 'The folder'} cannot be used: {error.strerror}.") from error
