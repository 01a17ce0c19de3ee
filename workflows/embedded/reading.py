"""What the journal says of runs and steps, for people and for the API."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workflows.embedded.canonical import JSON, parse
from workflows.embedded.errors import RunNotFound


@dataclass(frozen=True)
class RunRecord:
    """A run. Times are ms since the epoch; `error` is why its present or last call failed."""

    id: str
    function_id: str
    status: str  # RUNNING | COMPLETED | FAILED | CANCELLED
    output: JSON
    error: JSON
    attempts: int  # of the call that is queued or under way
    next_attempt_at: int | None
    events: tuple[JSON, ...]
    created_at: int
    started_at: int | None
    ended_at: int | None


@dataclass(frozen=True)
class StepRecord:
    """A step. `status`: retrying, planned, waiting, completed, failed, abandoned."""

    id: str
    name: str
    op: str
    status: str
    output: JSON
    error: JSON
    attempts: int
    next_attempt_at: int | None
    created_at: int
    ended_at: int | None


@dataclass(frozen=True)
class Contents:
    """How much a journal holds: `runs` by status."""

    events: int
    runs: Mapping[str, int]


def read_contents(sql: sqlite3.Connection) -> Contents:
    """Walks the tables: not for every moment."""
    runs = sql.execute("SELECT status, count(*) FROM run GROUP BY status").fetchall()
    (events,) = sql.execute("SELECT count(*) FROM event").fetchone()
    return Contents(events, {row[0]: row[1] for row in runs})


def read_run(sql: sqlite3.Connection, run_id: str) -> RunRecord:
    """RunNotFound if there is none."""
    run = sql.execute("SELECT * FROM run WHERE id = ?", (run_id,)).fetchone()
    if run is None:
        raise RunNotFound(run_id)
    job = sql.execute(
        "SELECT attempt, due_at, claimed_at, error FROM job WHERE run_id = ? ORDER BY attempt DESC, due_at LIMIT 1",
        (run_id,),
    ).fetchone()
    events = sql.execute(
        "SELECT body FROM run_event JOIN event ON event.id = event_id WHERE run_id = ? ORDER BY position", (run_id,)
    ).fetchall()
    output = None if run["output"] is None else parse(run["output"])
    failed = run["status"] in ("FAILED", "CANCELLED")
    retrying = parse(job["error"]) if job and job["error"] else None
    return RunRecord(
        id=run["id"],
        function_id=run["function_id"],
        status=run["status"],
        output=output,
        error=output if failed else retrying,
        attempts=job["attempt"] + (job["claimed_at"] is not None) if job else 0,
        next_attempt_at=job["due_at"] or None if job and job["claimed_at"] is None else None,
        events=tuple(parse(row["body"]) for row in events),
        created_at=run["created_at"],
        started_at=run["started_at"],
        ended_at=run["ended_at"],
    )


def read_steps(sql: sqlite3.Connection, run_id: str) -> list[StepRecord]:
    """In the order in which they were reported."""
    rows = sql.execute(
        "SELECT step.*, nullif(job.due_at, 0) AS next_attempt_at, job.error AS failure FROM step LEFT JOIN job "
        "ON job.run_id = step.run_id AND claimed_at IS NULL AND (step_id = step.id OR status = 'retrying' AND "
        "step_id = 'step') WHERE step.run_id = ? ORDER BY position",
        (run_id,),
    ).fetchall()
    return [_step(row) for row in rows]


def read_runs_of_event(sql: sqlite3.Connection, event_id: str) -> list[RunRecord]:
    """Runs that an event started, by the executor's id of it or the sender's, oldest first."""
    rows = sql.execute(
        "SELECT DISTINCT run_id FROM run_event JOIN event ON event.id = event_id WHERE event.id = ? OR key = ? "
        "ORDER BY run_id",
        (event_id, event_id),
    ).fetchall()
    return [read_run(sql, row["run_id"]) for row in rows]


def _step(row: sqlite3.Row) -> StepRecord:
    memo: Any = None if row["memo"] is None else parse(row["memo"])
    wrapped = isinstance(memo, dict) and row["op"] in ("StepRun", "InvokeFunction")
    failure = row["error"] or row["failure"]
    error = parse(failure) if failure else None
    return StepRecord(
        id=row["id"],
        name=row["name"],
        op=row["op"],
        status=row["status"],
        output=memo.get("data") if wrapped else memo,
        error=memo.get("error") if wrapped and row["status"] == "failed" else error,
        attempts=row["attempts"],
        next_attempt_at=row["next_attempt_at"],
        created_at=row["created_at"],
        ended_at=row["ended_at"],
    )
