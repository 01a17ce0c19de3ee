"""`cairn pii check`: what is found in a file or in lines of text, without a server."""

from __future__ import annotations

import asyncio
import json as json_
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import typer
from rich.table import Table

from app.bootstrap.inspection import inspection
from app.cli import show
from app.cli.exits import Failure
from app.settings import Settings
from pipelines.domain.documents import Block
from pipelines.domain.errors import CairnError
from pipelines.domain.privacy import PiiPolicy, PiiSpan
from pipelines.ingest.chunk import CHUNKER
from pipelines.ingest.redact import EVERYTHING, POLICIES
from pipelines.ingest.redact.detect import detect

_POLICIES = {policy.name: policy for policy in (EVERYTHING, *POLICIES.values())}
STDIN = "-"


def run(settings: Settings, file: str, policy: str | None, *, as_json: bool) -> None:
    """Raises Failure, typer.BadParameter."""
    policy = policy or EVERYTHING.name
    if policy not in _POLICIES:
        raise typer.BadParameter(f"There is no policy {policy!r}; there are {', '.join(_POLICIES)}.")
    wanted = replace(_POLICIES[policy], names=str(settings.pii_names_model) if settings.pii_names_model else None)
    try:
        if file == STDIN:
            for answer in answers(sys.stdin, wanted):
                sys.stdout.write(json_.dumps(answer) + "\n")
                sys.stdout.flush()
        else:
            _check_file(settings, Path(file), wanted, as_json=as_json)
    except CairnError as error:
        raise Failure(f"{error.detail} ({error.code})") from error
    except OSError as error:
        raise Failure(f"{error.filename or file}: {error.strerror}.") from error


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
    async with inspection(settings) as reading:
        return (await reading.read(file, CHUNKER)).document.blocks


def _counts(found: list[tuple[Block, list[PiiSpan]]]) -> dict[str, int]:
    return dict(Counter(span.entity for _, spans in found for span in spans).most_common())


def _span(span: PiiSpan) -> dict[str, Any]:
    return {"type": span.entity, "start": span.start, "end": span.end, "score": round(span.score, 3)}
