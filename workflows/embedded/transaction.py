"""What every part of a transaction works with, and the rows that several of them write."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from workflows.embedded.canonical import JSON, canonical, canonical_object, parse
from workflows.embedded.reducer import Backoff, Limits
from workflows.embedded.registry import Registry


@dataclass(frozen=True)
class Policy:
    """What does not change from one transaction to the next."""

    registry: Registry
    backoff: Backoff
    limits: Limits
    max_calls: int


@dataclass(frozen=True)
class Transaction:
    sql: sqlite3.Connection
    now: int  # ms since the epoch
    policy: Policy


def record_event(
    tx: Transaction, id_: str, name: str, data: str, *, routed: bool = False, v: str | None = None
) -> None:
    """Journal an event of the executor's own. Its id is derived, so a second time changes nothing."""
    members = {"data": data, "id": canonical(id_), "name": canonical(name), "ts": str(tx.now)}
    if v is not None:
        members["v"] = canonical(v)
    tx.sql.execute(
        "INSERT OR IGNORE INTO event (id, key, name, body, received_at, routed) VALUES (?, ?, ?, ?, ?, ?)",
        (id_, f"inngest/{id_}", name, canonical_object(members), tx.now, routed),
    )


def events_of(tx: Transaction, run_id: str) -> list[str]:
    """Canonical bodies of the events that a run was started with, in order."""
    rows = tx.sql.execute(
        "SELECT body FROM run_event JOIN event ON event.id = event_id WHERE run_id = ? ORDER BY position", (run_id,)
    )
    return [row["body"] for row in rows]


def first_event(tx: Transaction, run_id: str) -> JSON:
    return parse(events_of(tx, run_id)[0])
