"""From an event that a function listens to, to its run: rate limits drop it, debounces and batches hold it back,
singletons skip it or cancel the run before."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from workflows.embedded import ids, rates, runs
from workflows.embedded.canonical import JSON, parse
from workflows.embedded.durations import DAY_MS
from workflows.embedded.expressions import Expression
from workflows.embedded.registry import Batch, Debounce, Function, Rate, Singleton
from workflows.embedded.transaction import Transaction

_SEPARATOR = "\x1f"
_BATCH_BYTES = 10 << 20


def start(tx: Transaction, function: Function, event_id: str, event: JSON) -> None:
    """Start the function for an event, as far as its flow control lets it."""
    if not _admitted(tx, function, event):
        return
    if function.debounce:
        _debounce(tx, function, function.debounce, event_id, event)
    elif function.batch and (function.batch.eligible is None or function.batch.eligible.matches(event=event)):
        _batch(tx, function, function.batch, event_id, event)
    else:
        _begin(tx, function, [event_id], event)


def release_due(tx: Transaction) -> None:
    """Start what was held back until now."""
    for held in tx.sql.execute("SELECT * FROM held WHERE due_at <= ? ORDER BY due_at", (tx.now,)).fetchall():
        _release(tx, held["function_id"], held["key"])


def _admitted(tx: Transaction, function: Function, event: JSON) -> bool:
    limits = [("rate", function.rate_limit)] if function.rate_limit else []
    if function.idempotency:
        limits.append(("idempotency", Rate(1, DAY_MS, function.idempotency, burst=0)))
    keys = [(_SEPARATOR.join((kind, function.id, _key(rate.key, event))), rate) for kind, rate in limits if rate]
    if any(rates.tokens(tx, key, rate)[0] == 0 for key, rate in keys):
        return False
    for key, rate in keys:
        rates.spend(tx, key, rate)
    return True


def _key(expression: Expression | None, event: JSON) -> str:
    return expression.key(event=event) if expression else ""


def _begin(tx: Transaction, function: Function, event_ids: Sequence[str], event: JSON) -> None:
    singleton = _singleton(function.singleton, function, event) if function.singleton else None
    if singleton and function.singleton:
        for run in _holding(tx, singleton):
            if function.singleton.mode == "skip":
                return
            runs.cancel_run(tx, run["id"], "a newer run of the singleton started")
    # The first event names the run: the same events start a function once.
    runs.create_run(tx, function, event_ids, ids.derived(tx.now, function.id, event_ids[0]), singleton=singleton)


def _singleton(rule: Singleton, function: Function, event: JSON) -> str | None:
    """The name that one run at a time may hold; None if the key is false for this event."""
    key = _key(rule.key, event)
    return None if rule.key and key == "false" else _SEPARATOR.join((function.id, key))


def _holding(tx: Transaction, singleton: str) -> list[sqlite3.Row]:
    return tx.sql.execute("SELECT id FROM run WHERE singleton = ? AND status = 'RUNNING'", (singleton,)).fetchall()


def _debounce(tx: Transaction, function: Function, rule: Debounce, event_id: str, event: JSON) -> None:
    """Hold the latest event until none came for a period, or the first has waited for the time-out."""
    key = _key(rule.key, event)
    held = _open(tx, function.id, key, "debounce", tx.now + rule.period_ms)
    latest = tx.sql.execute(
        "SELECT body FROM held_event JOIN event ON event.id = event_id WHERE function_id = ? AND held_event.key = ?",
        (function.id, key),
    ).fetchone()
    if latest is not None and parse(latest["body"])["ts"] > event["ts"]:
        return
    due_at = tx.now + rule.period_ms
    if rule.timeout_ms is not None:
        due_at = min(due_at, held["opened_at"] + rule.timeout_ms)
    tx.sql.execute("UPDATE held SET due_at = ? WHERE function_id = ? AND key = ?", (due_at, function.id, key))
    tx.sql.execute("INSERT OR REPLACE INTO held_event VALUES (?, ?, 0, ?)", (function.id, key, event_id))


def _batch(tx: Transaction, function: Function, rule: Batch, event_id: str, event: JSON) -> None:
    """Collect events until there are enough of them, or the first has waited for the time-out."""
    key = _key(rule.key, event)
    _open(tx, function.id, key, "batch", tx.now + rule.timeout_ms)
    tx.sql.execute(
        "INSERT INTO held_event SELECT :function_id, :key, count(*), :event_id FROM held_event "
        "WHERE function_id = :function_id AND key = :key",
        {"function_id": function.id, "key": key, "event_id": event_id},
    )
    count, size = tx.sql.execute(
        "SELECT count(*), sum(length(body)) FROM held_event JOIN event ON event.id = event_id "
        "WHERE function_id = ? AND held_event.key = ?",
        (function.id, key),
    ).fetchone()
    if count >= rule.max_size or size >= _BATCH_BYTES:
        _release(tx, function.id, key)


def _open(tx: Transaction, function_id: str, key: str, kind: str, due_at: int) -> sqlite3.Row:
    tx.sql.execute("INSERT OR IGNORE INTO held VALUES (?, ?, ?, ?, ?)", (function_id, key, kind, tx.now, due_at))
    row: sqlite3.Row = tx.sql.execute(
        "SELECT * FROM held WHERE function_id = ? AND key = ?", (function_id, key)
    ).fetchone()
    return row


def _release(tx: Transaction, function_id: str, key: str) -> None:
    events = tx.sql.execute(
        "SELECT event_id, body FROM held_event JOIN event ON event.id = event_id "
        "WHERE function_id = ? AND held_event.key = ? ORDER BY position",
        (function_id, key),
    ).fetchall()
    for table in ("held", "held_event"):
        tx.sql.execute(f"DELETE FROM {table} WHERE function_id = ? AND key = ?", (function_id, key))  # noqa: S608
    function = tx.policy.registry.get(function_id)
    if function is not None:
        _begin(tx, function, [row["event_id"] for row in events], parse(events[0]["body"]))
