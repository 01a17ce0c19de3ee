"""What was done, by whom, in a chain: each row holds the digest of the one before, so none can change, go or move unseen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from itertools import groupby
from typing import Any, NamedTuple

from pipelines.domain.erasure import Signature, canonical

FIRST = "0" * 64  # what the first row of a chain follows
_MOST_COMPARED = 300  # rows without their digest, each with each


class Outcome(StrEnum):
    ALLOWED = "allowed"
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class Act:
    """Who does what to what. `targets` are ids; no text of a document or a question is ever in it."""

    at: datetime
    tenant_id: str
    user_id: str
    action: str  # "DELETE /v1/documents/{document_id}", "show"
    outcome: Outcome = Outcome.ALLOWED
    targets: Mapping[str, str | Sequence[str]] = field(default_factory=dict)  # {"document_id": "doc_1"}


_NOTHING = Act(datetime.min.replace(tzinfo=UTC), "", "", "")


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An act in its tenant's chain, at the place `number`, from 1."""

    number: int
    act: Act
    previous: str  # digest of the row before
    digest: str

    @classmethod
    def after(cls, previous: str, number: int, act: Act) -> AuditRow:
        return cls(number, act, previous, _digest(previous, number, act))

    @property
    def line(self) -> str:
        """As it is kept and exported: canonical JSON."""
        return canonical({**_content(self.previous, self.number, self.act), "digest": self.digest}).decode()


class AuditHead(NamedTuple):
    """The end of a tenant's chain, signed: rows that are cut off at the end are missed too."""

    tenant_id: str
    number: int
    digest: str
    signature: Signature


def head_statement(tenant_id: str, number: int, digest: str) -> dict[str, Any]:
    return {"audit_head": tenant_id, "number": number, "digest": digest}


def row_of(line: str) -> AuditRow:
    """The row that a line of JSON says. Raises KeyError, TypeError, ValueError."""
    said = json.loads(line)
    act = Act(
        at=datetime.fromisoformat(said["at"]),
        tenant_id=said["tenant_id"],
        user_id=said["user_id"],
        action=said["action"],
        outcome=Outcome(said["outcome"]),
        targets=dict(said["targets"]),
    )
    return AuditRow(int(said["number"]), act, said["previous"], said["digest"])


def problems(lines: Iterable[str], number: int, digest: str) -> Iterator[str]:
    """What is wrong with a chain that is to end with this number and digest, in words; nothing when it is whole.

    `lines` as they are kept, in their order. One pass; it keeps the numbers, and the rows that do not fit.
    """
    seen: set[int] = set()
    last: AuditRow | None = AuditRow(0, _NOTHING, "", FIRST)
    broken = []
    for place, line in enumerate(lines, 1):
        try:
            row = row_of(line)
        except (KeyError, TypeError, ValueError):
            yield f"the row at place {place} cannot be read: it was changed"
            seen.add(place)
            last = None
            continue
        if row.number > number:
            continue  # recorded after the end that was signed
        if row.number in seen:
            yield f"row {row.number} is there twice"
        elif last is not None and row.number < last.number:
            yield f"row {row.number} stands after row {last.number}: they were reordered"
        if _digest(row.previous, row.number, row.act) != row.digest:
            broken.append(row)
        elif row.line != line:
            yield f"row {row.number} was changed"
        elif last is not None and row.number == last.number + 1 and row.previous != last.digest:
            yield f"row {row.number} does not follow the row before it"
        seen.add(row.number)
        last = row
    yield from _broken(broken)
    yield from _missing(seen, number)
    if last is not None and last.number == number and last.digest != digest:
        yield f"the chain does not end as its head says (row {number})"


def _broken(rows: Sequence[AuditRow]) -> Iterator[str]:
    """Rows that do not have their digest: under another's number they may, and then they changed places."""
    numbers = [row.number for row in rows] if len(rows) <= _MOST_COMPARED else []
    for row in rows:
        others = (each for each in numbers if each != row.number)
        moved = next((each for each in others if _digest(row.previous, each, row.act) == row.digest), None)
        yield f"row {row.number} was changed" if moved is None else f"row {moved} stands as row {row.number}: reordered"


def _missing(seen: set[int], number: int) -> Iterator[str]:
    lacking = [each for each in range(1, number + 1) if each not in seen]
    for _, group in groupby(enumerate(lacking), lambda pair: pair[1] - pair[0]):
        gap = [each for _, each in group]
        yield f"row {gap[0]} is missing" if len(gap) == 1 else f"rows {gap[0]} to {gap[-1]} are missing"


def _digest(previous: str, number: int, act: Act) -> str:
    return hashlib.sha256(canonical(_content(previous, number, act))).hexdigest()


def _content(previous: str, number: int, act: Act) -> dict[str, Any]:
    return {
        "number": number,
        "at": act.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "tenant_id": act.tenant_id,
        "user_id": act.user_id,
        "action": act.action,
        "outcome": act.outcome,
        "targets": {name: value if isinstance(value, str) else list(value) for name, value in act.targets.items()},
        "previous": previous,
    }
