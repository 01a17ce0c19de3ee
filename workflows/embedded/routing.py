"""From events to what they set off: cancellations, waits that end, runs that start."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from workflows.embedded import ids, runs, starting
from workflows.embedded.canonical import JSON, canonical, parse, size
from workflows.embedded.durations import DAY_MS
from workflows.embedded.errors import EventRefused
from workflows.embedded.expressions import Expression, compile_expression
from workflows.embedded.registry import Trigger
from workflows.embedded.transaction import Transaction, first_event

log = logging.getLogger(__name__)
_LONGEST_NAME = 256


@dataclass(frozen=True)
class NewEvent:
    """An event as it was sent, checked."""

    id: str  # the executor's own
    key: str  # the sender's id, or the executor's own
    name: str
    body: str


def check_events(raw: JSON, seed: bytes, now_ms: int, max_bytes: int) -> list[NewEvent]:
    """Events of the body of a POST /e/{key}; EventRefused says which is wrong. `seed` makes the ids of events that
    have none: the same request sent again names the same events."""
    if isinstance(raw, dict):
        raw = [raw]
    if not isinstance(raw, list) or not raw:
        raise EventRefused("expected an event or a list of events")
    return [_check(event, ids.derived(now_ms, seed.hex(), index), now_ms, max_bytes) for index, event in enumerate(raw)]


def _check(event: JSON, id_: str, now_ms: int, max_bytes: int) -> NewEvent:
    if not isinstance(event, dict) or not isinstance(event.get("name"), str) or not event["name"]:
        raise EventRefused("an event needs a name")
    name, data, ts = event["name"], event.get("data"), event.get("ts")
    if name.startswith("inngest/") or len(name) > _LONGEST_NAME:
        raise EventRefused(f"the event name {name[:_LONGEST_NAME]!r} is reserved or too long")
    if data is not None and not isinstance(data, dict):
        raise EventRefused(f"event {name!r}: data is not an object")
    if ts is not None and (not isinstance(ts, int) or isinstance(ts, bool) or ts < 0):
        raise EventRefused(f"event {name!r}: ts is not in milliseconds")
    key = event.get("id") or id_
    if not isinstance(key, str):
        raise EventRefused(f"event {name!r}: id is not a string")
    extra = {field: event[field] for field in ("user", "v") if event.get(field) is not None}
    try:
        body = canonical({"data": data or {}, "id": key, "name": name, "ts": ts or now_ms, **extra})
    except ValueError as error:
        raise EventRefused(f"event {name!r}: {error}") from error
    if size(body) > max_bytes:
        raise EventRefused(f"event {name!r} has {size(body)} bytes; the most is {max_bytes}")
    return NewEvent(id_, key, name, body)


def accept(tx: Transaction, events: Iterable[NewEvent]) -> list[str]:
    """Journal events; returns their ids. One whose name and key came within a day is the one that came then."""
    accepted = []
    for event in events:
        known = tx.sql.execute(
            "SELECT id FROM event WHERE (key = ? AND name = ? AND received_at > ?) OR id = ?",
            (event.key, event.name, tx.now - DAY_MS, event.id),
        ).fetchone()
        if known is None:
            tx.sql.execute(
                "INSERT INTO event (id, key, name, body, received_at) VALUES (?, ?, ?, ?, ?)",
                (event.id, event.key, event.name, event.body, tx.now),
            )
        accepted.append(event.id if known is None else str(known["id"]))
    return accepted


def route(tx: Transaction) -> None:
    """Look up what each new event sets off, and what that sets off in turn."""
    while events := tx.sql.execute(
        "SELECT * FROM event WHERE routed = 0 ORDER BY received_at, id LIMIT 100"
    ).fetchall():
        for event in events:
            tx.sql.execute("UPDATE event SET routed = 1 WHERE id = ?", (event["id"],))
            tx.sql.execute("SAVEPOINT routing")
            try:
                _route(tx, event)
            except sqlite3.OperationalError:
                raise  # the disk: nothing of the group happens
            except Exception:  # the edge of this event: a fault of ours must not stop all others
                tx.sql.execute("ROLLBACK TO routing")
                log.exception("event.not_routed", extra={"event_id": event["id"], "event_name": event["name"]})
            tx.sql.execute("RELEASE routing")


def _route(tx: Transaction, event: sqlite3.Row) -> None:
    body = parse(event["body"])
    _cancel(tx, event["name"], body)
    _end_waits(tx, event, body)
    for function in tx.policy.registry:
        if any(_sets_off(trigger, event["name"], body) for trigger in function.triggers):
            starting.start(tx, function, event["id"], body)


def _sets_off(trigger: Trigger, name: str, body: JSON) -> bool:
    wildcard = trigger.event.endswith("*") and name.startswith(trigger.event[:-1])
    return (wildcard or trigger.event == name) and _holds(trigger.expression, event=body)


def _holds(expression: Expression | None, **scope: JSON) -> bool:
    return expression is None or expression.matches(**scope)


def _cancel(tx: Transaction, name: str, body: JSON) -> None:
    for function in tx.policy.registry:
        for rule in function.cancellations:
            if rule.event != name:
                continue
            active = tx.sql.execute(
                "SELECT id, created_at FROM run WHERE function_id = ? AND status = 'RUNNING'", (function.id,)
            ).fetchall()
            for run in active:
                in_time = rule.within_ms is None or tx.now <= run["created_at"] + rule.within_ms
                if in_time and _holds(rule.expression, event=first_event(tx, run["id"]), **{"async": body}):
                    runs.cancel_run(tx, run["id"], f"cancelled by the event {name}")


def _end_waits(tx: Transaction, event: sqlite3.Row, body: JSON) -> None:
    waiting = tx.sql.execute(
        "SELECT run_id, id, wait_if FROM step WHERE wait_event = ? AND status = 'waiting'", (event["name"],)
    ).fetchall()
    for step in waiting:
        expression = compile_expression(step["wait_if"]) if step["wait_if"] else None
        if expression is None or _holds(expression, event=first_event(tx, step["run_id"]), **{"async": body}):
            runs.complete_step(tx, step["run_id"], step["id"], event["body"])
