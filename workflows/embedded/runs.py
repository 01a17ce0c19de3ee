"""The life of a run: created, called, told what its steps gave, ended. Each function is part of one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial

from workflows.embedded import ids
from workflows.embedded.canonical import JSON, canonical, canonical_object, parse, size
from workflows.embedded.lanes import first_lane, run_lane
from workflows.embedded.protocol import UNTARGETED
from workflows.embedded.reducer import (
    Called,
    Failing,
    Invoke,
    Memo,
    Outcome,
    Plan,
    Sleep,
    StepRef,
    Wait,
    error_memo,
)
from workflows.embedded.registry import Function
from workflows.embedded.transaction import Transaction, events_of, record_event

_PRIORITY_LIMIT_S = 600
_AT_ONCE = 0  # no time of day: a clock that is set back must not hold up what is ready
_NEVER_CALLED = "the run was cancelled"


def create_run(
    tx: Transaction,
    function: Function,
    event_ids: Sequence[str],
    run_id: str,
    *,
    invoked_by: tuple[str, str] | None = None,
    singleton: str | None = None,
) -> None:
    """Start a run for these events. A run of this id that exists already stays as it is."""
    for position, event_id in enumerate(event_ids):
        tx.sql.execute("INSERT OR IGNORE INTO run_event VALUES (?, ?, ?)", (run_id, position, event_id))
    bodies = events_of(tx, run_id)
    event = parse(bodies[0])
    boost = (function.priority.number(event=event) if function.priority else None) or 0
    sort_at = tx.now - int(max(-_PRIORITY_LIMIT_S, min(_PRIORITY_LIMIT_S, boost)) * 1000)
    created = tx.sql.execute(
        "INSERT OR IGNORE INTO run (id, function_id, created_at, sort_at, lane, singleton, start_by, state_bytes, "
        "invoked_by, invoked_step) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            run_id,
            function.id,
            tx.now,
            sort_at,
            run_lane(function, event),
            singleton,
            None if function.start_timeout_ms is None else tx.now + function.start_timeout_ms,
            sum(map(size, bodies)),
            *(invoked_by or (None, None)),
        ),
    )
    if created.rowcount:
        _insert_job(tx, f"{run_id}/0", run_id, UNTARGETED, sort_at, first_lane(function, event))


def answered(tx: Transaction, job_id: str, called: Called, outcome: Outcome, *, interrupted: bool = False) -> None:
    """Journal all that an answer changes. An answer to a call that is no longer open changes nothing. `interrupted`: it
    is the answer that never came, because the process died; the retry need not wait, and is suspect."""
    job = tx.sql.execute(
        "SELECT job.*, status FROM job JOIN run ON run.id = run_id "
        "WHERE job.id = ? AND attempt = ? AND claimed_at IS NOT NULL",
        (job_id, called.attempt),
    ).fetchone()
    if job is None:
        return
    retry = outcome.retry if job["status"] == "RUNNING" and not outcome.finish else None
    if retry is None:
        tx.sql.execute("DELETE FROM job WHERE id = ?", (job_id,))
    else:
        tx.sql.execute(
            "UPDATE job SET attempt = attempt + 1, due_at = ?, claimed_at = NULL, error = ?, suspect = ? WHERE id = ?",
            (_AT_ONCE if interrupted else tx.now + retry.delay_ms, retry.error, interrupted, job_id),
        )
    if job["status"] != "RUNNING":
        return
    run_id: str = job["run_id"]
    _apply(tx, run_id, job_id, called, outcome)
    if outcome.finish:
        finish_run(tx, run_id, outcome.finish.status, outcome.finish.output)
    elif retry is None:
        _check_limits(tx, run_id)
        _check_progress(tx, run_id)


def _apply(tx: Transaction, run_id: str, team: str, called: Called, outcome: Outcome) -> None:
    """Everything that waits is written before anything is over, so that a team is complete when it is counted."""
    over: list[Callable[[], object]] = []
    for op in outcome.ops:
        match op:
            case Plan(step):
                if _report(tx, run_id, step, team, "planned"):
                    run = _run(tx, run_id)
                    _insert_job(tx, f"{run_id}/{step.id}", run_id, step.id, run["sort_at"], run["lane"])
            case Sleep(step, until_ms):
                _report(tx, run_id, step, team, "waiting", due_at=until_ms)
            case Wait(step, event, expression, until_ms):
                _report(tx, run_id, step, team, "waiting", due_at=until_ms, wait_event=event, wait_if=expression)
            case Invoke(step):
                if _report(tx, run_id, step, team, "waiting", due_at=op.until_ms):
                    over.append(partial(_invoke, tx, run_id, op))  # it may fail at once
            case Failing(step, error):
                _report(tx, run_id, step, team, "retrying", error=error, attempts=called.attempt + 1)
            case Memo(step, memo, failed):
                _report(tx, run_id, step, team, "planned")
                attempts = called.attempt + 1
                over.append(partial(complete_step, tx, run_id, step.id, memo, failed=failed, attempts=attempts))
    for end in over:
        end()


def _report(tx: Transaction, run_id: str, step: StepRef, team: str, status: str, **columns: JSON) -> bool:
    """Insert the step, or take up one that failed in line; False if it was reported before and stays as it is."""
    values = {"due_at": None, "wait_event": None, "wait_if": None, "error": None, "attempts": 0} | columns
    cursor = tx.sql.execute(
        "INSERT INTO step (run_id, id, name, op, status, team, race, position, created_at, due_at, wait_event, wait_if, "
        "error, attempts) VALUES (:run_id, :id, :name, :op, :status, :team, :race, "
        "(SELECT count(*) FROM step WHERE run_id = :run_id), :now, :due_at, :wait_event, :wait_if, :error, :attempts) "
        "ON CONFLICT (run_id, id) DO UPDATE SET status = excluded.status, team = excluded.team, race = excluded.race, "
        "error = excluded.error, attempts = excluded.attempts WHERE status = 'retrying'",
        {
            "run_id": run_id,
            "id": step.id,
            "name": step.name,
            "op": step.op,
            "race": step.race,
            "status": status,
            "team": team,
            "now": tx.now,
            **values,
        },
    )
    return cursor.rowcount > 0


def complete_step(
    tx: Transaction, run_id: str, step_id: str, memo: str, *, failed: bool = False, attempts: int | None = None
) -> bool:
    """Give a step its memo, which never changes again, and let the run go on when that was what it waited for."""
    step = tx.sql.execute(
        "UPDATE step SET status = ?, memo = ?, ended_at = ?, due_at = NULL, error = NULL, "
        "attempts = coalesce(?, attempts) WHERE run_id = ? AND id = ? AND status IN ('planned', 'waiting', 'retrying') "
        "RETURNING team, race",
        ("failed" if failed else "completed", memo, tx.now, attempts, run_id, step_id),
    ).fetchone()
    if step is None:
        return False
    tx.sql.execute("UPDATE run SET state_bytes = state_bytes + ? WHERE id = ?", (size(memo), run_id))
    if step["race"] or not _pending(tx, run_id, step["team"]):
        _discover(tx, run_id)
    return True


def _pending(tx: Transaction, run_id: str, team: str) -> bool:
    return (
        tx.sql.execute(
            "SELECT 1 FROM step WHERE run_id = ? AND team = ? AND status IN ('planned', 'waiting') LIMIT 1",
            (run_id, team),
        ).fetchone()
        is not None
    )


def _discover(tx: Transaction, run_id: str) -> None:
    """Have the function called to see what comes next. A call that is queued already will see it; one that is under way
    has not seen it."""
    queued = tx.sql.execute(
        "SELECT 1 FROM job WHERE run_id = ? AND step_id = ? AND claimed_at IS NULL", (run_id, UNTARGETED)
    ).fetchone()
    if queued is None:
        run = _run(tx, run_id)
        (memos,) = tx.sql.execute(
            "SELECT count(*) FROM step WHERE run_id = ? AND status IN ('completed', 'failed')", (run_id,)
        ).fetchone()
        _insert_job(tx, f"{run_id}/{memos}", run_id, UNTARGETED, run["sort_at"], run["lane"])


def _insert_job(tx: Transaction, id_: str, run_id: str, step_id: str, sort_at: int, lane: str) -> None:
    tx.sql.execute(
        "INSERT OR IGNORE INTO job (id, run_id, step_id, due_at, sort_at, lane) VALUES (?, ?, ?, ?, ?, ?)",
        (id_, run_id, step_id, _AT_ONCE, sort_at, lane),
    )


def _run(tx: Transaction, run_id: str) -> sqlite3.Row:
    row: sqlite3.Row = tx.sql.execute("SELECT * FROM run WHERE id = ?", (run_id,)).fetchone()
    return row


def _invoke(tx: Transaction, run_id: str, op: Invoke) -> None:
    function = tx.policy.registry.get(op.function_id)
    if function is None:
        error = {"name": "Error", "message": f"could not find function with ID: {op.function_id}"}
        complete_step(tx, run_id, op.step.id, error_memo(error), failed=True)
        return
    child = ids.derived(tx.now, "invoke", run_id, op.step.id)
    record_event(tx, child, "inngest/function.invoked", canonical(op.data or {}), routed=True, v=op.v)
    create_run(tx, function, [child], child, invoked_by=(run_id, op.step.id))


def _check_progress(tx: Transaction, run_id: str) -> None:
    """A function that is not deterministic can leave its run with nothing to wait for: that is a failure, not a wait."""
    stuck = tx.sql.execute(
        "SELECT name FROM step WHERE run_id = :run AND status = 'planned' AND NOT EXISTS "
        "(SELECT 1 FROM job WHERE job.run_id = :run AND job.step_id = step.id) "
        "UNION ALL SELECT 'what comes next' WHERE NOT EXISTS (SELECT 1 FROM job WHERE run_id = :run) "
        "AND NOT EXISTS (SELECT 1 FROM step WHERE run_id = :run AND status = 'waiting')",
        {"run": run_id},
    ).fetchone()
    if stuck is not None:
        message = f"{stuck['name']} was to be called, and the function did not come to it: is it deterministic?"
        finish_run(tx, run_id, "FAILED", canonical({"name": "StepDisappeared", "message": message}))


def _check_limits(tx: Transaction, run_id: str) -> None:
    limits, run = tx.policy.limits, _run(tx, run_id)
    (steps,) = tx.sql.execute("SELECT count(*) FROM step WHERE run_id = ?", (run_id,)).fetchone()
    message = None
    if run["state_bytes"] > limits.state_bytes:
        message = f"the run's state has {run['state_bytes']} bytes; the most is {limits.state_bytes}"
    elif steps > limits.steps:
        message = f"the run has {steps} steps; the most is {limits.steps}"
    if message:
        finish_run(tx, run_id, "FAILED", canonical({"name": "TooLarge", "message": message}))


def cancel_run(tx: Transaction, run_id: str, reason: str = _NEVER_CALLED) -> bool:
    """Cancel a run that has not ended. A call under way is left to finish; its answer changes nothing any more."""
    return finish_run(tx, run_id, "CANCELLED", canonical({"name": "Cancelled", "message": reason}))


def finish_run(tx: Transaction, run_id: str, status: str, output: str) -> bool:
    """End a run, once: its status, its terminal events and its caller's memo in one transaction. False if it has ended."""
    run = tx.sql.execute(
        "UPDATE run SET status = ?, output = ?, ended_at = ? WHERE id = ? AND status = 'RUNNING' RETURNING *",
        (status, output, tx.now, run_id),
    ).fetchone()
    if run is None:
        return False
    tx.sql.execute("DELETE FROM job WHERE run_id = ? AND claimed_at IS NULL", (run_id,))
    tx.sql.execute(
        "UPDATE step SET status = 'abandoned', due_at = NULL, ended_at = ? WHERE run_id = ? AND ended_at IS NULL",
        (tx.now, run_id),
    )
    _announce(tx, run, status, output)
    if run["invoked_by"]:
        failed = status != "COMPLETED"
        memo = error_memo(parse(output)) if failed else canonical_object({"data": output})
        complete_step(tx, run["invoked_by"], run["invoked_step"], memo, failed=failed)
    return True


def _announce(tx: Transaction, run: sqlite3.Row, status: str, output: str) -> None:
    run_id, events = run["id"], events_of(tx, run["id"])
    data = {
        "event": events[0],
        "events": f"[{','.join(events)}]",
        "function_id": canonical(run["function_id"]),
        "run_id": canonical(run_id),
    }
    if status == "COMPLETED":
        data["result"] = output
    else:
        error = parse(output)
        fields = {key: error[key] for key in ("name", "message", "stack") if key in error}
        data["error"] = canonical({"error": "invalid status code: 500", **fields})
    if status == "FAILED":
        record_event(tx, run_id, "inngest/function.failed", canonical_object(data))
    if status == "CANCELLED":
        record_event(tx, run_id, "inngest/function.cancelled", canonical_object(data))
    record_event(tx, f"{run_id}-finished", "inngest/function.finished", canonical_object(data))


def time_out(tx: Transaction) -> None:
    """Wake what was to sleep until now, and give up what was to be waited for until now."""
    due = tx.sql.execute(
        "SELECT run_id, id, op FROM step WHERE status = 'waiting' AND due_at <= ? ORDER BY due_at", (tx.now,)
    ).fetchall()
    for step in due:
        if step["op"] == "InvokeFunction":
            message = "Timed out waiting for invoked function to complete"
            memo = error_memo({"name": "InngestInvokeTimeoutError", "message": message})
            complete_step(tx, step["run_id"], step["id"], memo, failed=True)
        else:
            complete_step(tx, step["run_id"], step["id"], "null")
    late = tx.sql.execute(
        "SELECT id, 'did not start in time' AS reason FROM run WHERE status = 'RUNNING' AND start_by <= :now "
        "AND started_at IS NULL UNION ALL SELECT id, 'did not finish in time' FROM run WHERE status = 'RUNNING' "
        "AND finish_by <= :now",
        {"now": tx.now},
    ).fetchall()
    for run in late:
        cancel_run(tx, run["id"], f"the run {run['reason']}")
