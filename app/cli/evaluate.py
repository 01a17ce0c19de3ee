"""`cairn evaluate`: golden questions asked of the server, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rich.table import Table

from app.cli import show
from app.cli.exits import Failure
from app.client import Cairn

_SIGNIFICANT = 0.05


def run(client: Cairn, file: Path | None, collection: str, *, as_json: bool) -> None:
    """Asks the file's questions, else those of the collection's golden set, waits, and shows the scores."""
    body = {"collection": collection, "questions": None if file is None else _read(file)}
    found = results(client, body)
    show.as_json(found) if as_json else _scores(found)


def results(client: Cairn, body: Mapping[str, object]) -> dict[str, Any]:
    """Of a run that is asked for, once it is through."""
    started = client.post("/v1/evaluations", dict(body))
    job = client.ended(started["job"]["id"])
    if job.status != "succeeded":
        raise Failure(f"The evaluation did not succeed: {job.error.detail if job.error else job.status}")
    return client.get(f"/v1/evaluations/{started['evaluation']['id']}")


def compare(client: Cairn, before: str, after: str, *, as_json: bool) -> None:
    path = f"/v1/evaluations/{quote(before, safe='')}/differences"
    found = client.get(path, to=after)["differences"]
    if as_json:
        show.as_json(found)
        return
    table = Table("measure", "before", "after", "difference (95 %)", "p", "questions", box=None)
    for name, each in found.items():
        mark = " *" if each["p"] < _SIGNIFICANT else ""
        interval = f"{each['after'] - each['before']:+.3f} ({each['low']:+.3f} to {each['high']:+.3f})"
        table.add_row(
            name,
            f"{each['before']:.3f}",
            f"{each['after']:.3f}",
            interval,
            f"{each['p']:.3f}{mark}",
            str(each["questions"]),
        )
    show.out.print(table)


def _scores(found: Mapping[str, Any]) -> None:
    table = Table("measure", "score", box=None)
    for name, value in found["scores"].items():
        table.add_row(name, f"{value:,.0f}" if name == "questions" or name.endswith("_ms") else f"{value:.3f}")
    show.out.print(table)
    show.out.print(f"Run {found['id']}; compare it with another: cairn evaluate --compare RUN RUN", highlight=False)


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{file} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}.") from error
