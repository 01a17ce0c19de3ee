"""Forgetting what is over, so that the journal does not grow for ever."""

from __future__ import annotations

from workflows.embedded.durations import DAY_MS
from workflows.embedded.transaction import Transaction

_RUNS_AT_ONCE = 200  # small enough that calls do not wait long for the transaction
_PAGES_AT_ONCE = 2_000


def prune_runs(tx: Transaction, before_ms: int) -> int:
    """Delete some runs that ended by then, with all that belongs to them; returns how many. 0: none is left."""
    ended = tx.sql.execute(
        "SELECT id FROM run WHERE ended_at <= ? AND NOT EXISTS (SELECT 1 FROM job WHERE run_id = run.id) LIMIT ?",
        (before_ms, _RUNS_AT_ONCE),
    ).fetchall()
    for run in ended:
        for table, column in (("step", "run_id"), ("run_event", "run_id"), ("run", "id")):
            tx.sql.execute(f"DELETE FROM {table} WHERE {column} = ?", (run["id"],))  # noqa: S608
    return len(ended)


def prune_events(tx: Transaction, before_ms: int) -> int:
    """Delete some events of which no run is left; returns how many. A day's events stay, to know one that comes again."""
    cursor = tx.sql.execute(
        "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE received_at < ? AND routed = 1 "
        "AND NOT EXISTS (SELECT 1 FROM run_event WHERE event_id = event.id) "
        "AND NOT EXISTS (SELECT 1 FROM held_event WHERE event_id = event.id) LIMIT ?)",
        (min(before_ms, tx.now - DAY_MS), _RUNS_AT_ONCE),
    )
    return cursor.rowcount


def prune_rates(tx: Transaction) -> int:
    """Delete the state of throttles and limits that are open again."""
    return tx.sql.execute("DELETE FROM rate WHERE tat < ?", (tx.now - DAY_MS,)).rowcount


def shrink(tx: Transaction) -> int:
    """Give some free pages back to the file system; returns how many."""
    (free,) = tx.sql.execute("PRAGMA freelist_count").fetchone()
    pages = min(int(free), _PAGES_AT_ONCE)
    for _ in range(pages):
        tx.sql.execute("PRAGMA incremental_vacuum(1)")  # Python's sqlite3 steps it once, which frees one page
    return pages
