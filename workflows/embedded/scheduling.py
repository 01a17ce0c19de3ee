"""Which calls to make now, and when to look again. Runs at the end of every group of transactions, inside it."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from workflows.embedded import ids, routing, runs, starting
from workflows.embedded.canonical import canonical
from workflows.embedded.lanes import Lanes, function_of
from workflows.embedded.protocol import UNTARGETED, Reply, request_body
from workflows.embedded.reducer import Called, reduce
from workflows.embedded.transaction import Transaction, events_of, record_event


@dataclass(frozen=True)
class Call:
    """A claimed job: to be called, and its answer journalled."""

    job_id: str
    run_id: str
    function_id: str
    called: Called
    body: str


@dataclass(frozen=True)
class Settled:
    """What a committed group leaves to do: calls to make, and the time (ms) at which something is due next."""

    calls: tuple[Call, ...]
    next_due: int | None
    idle: bool  # no run is unfinished


def settle(tx: Transaction, *, claiming: bool) -> Settled:
    """Do all that is due, then claim as many calls as there is room for."""
    _tick(tx)
    runs.time_out(tx)
    starting.release_due(tx)
    routing.route(tx)
    calls, opens_at = _claim(tx) if claiming else ([], None)
    unfinished = tx.sql.execute(
        "SELECT 1 FROM run WHERE status = 'RUNNING' UNION ALL SELECT 1 FROM held LIMIT 1"
    ).fetchone()
    return Settled(tuple(calls), _next_due(tx, opens_at), unfinished is None)


def recover(tx: Transaction) -> None:
    """At start: a call that was claimed and never answered counts as an attempt, or a document that kills the process
    would kill it for ever. A failure handler, to which the SDK gives one attempt, has one more: it must be heard."""
    interrupted = Reply.unanswered("Interrupted", "the process ended while this was running")
    for job in tx.sql.execute("SELECT * FROM job WHERE claimed_at IS NOT NULL").fetchall():
        called = _called(tx, job, interrupted=True)
        policy = tx.policy
        outcome = reduce(called, interrupted, now_ms=tx.now, backoff=policy.backoff, limits=policy.limits)
        runs.answered(tx, job["id"], called, outcome, interrupted=True)


def release(tx: Transaction, job_id: str) -> None:
    """Give a claim back: the executor closed before the answer came, which is no fault of the call."""
    tx.sql.execute("UPDATE job SET claimed_at = NULL WHERE id = ?", (job_id,))


def plan_schedules(tx: Transaction) -> None:
    """Bring the schedules in line with what is registered. One that was due while nobody ran comes once, now."""
    wanted = {
        (function.id, schedule.text): schedule for function in tx.policy.registry for schedule in function.schedules
    }
    for row in tx.sql.execute("SELECT function_id, cron FROM schedule").fetchall():
        if (row["function_id"], row["cron"]) not in wanted:
            tx.sql.execute("DELETE FROM schedule WHERE function_id = ? AND cron = ?", tuple(row))
    for (function_id, text), schedule in wanted.items():
        tx.sql.execute("INSERT OR IGNORE INTO schedule VALUES (?, ?, ?)", (function_id, text, schedule.after(tx.now)))


def _tick(tx: Transaction) -> None:
    for row in tx.sql.execute("SELECT * FROM schedule WHERE next_at <= ? ORDER BY next_at", (tx.now,)).fetchall():
        function = tx.policy.registry.get(row["function_id"])
        schedule = next((item for item in function.schedules if item.text == row["cron"]), None) if function else None
        if function is None or schedule is None:
            tx.sql.execute("DELETE FROM schedule WHERE function_id = ? AND cron = ?", (row["function_id"], row["cron"]))
            continue
        id_ = ids.derived(row["next_at"], "cron", function.id, row["cron"])
        record_event(tx, id_, "inngest/scheduled.timer", canonical({"cron": row["cron"]}), routed=True)
        runs.create_run(tx, function, [id_], id_)
        tx.sql.execute(
            "UPDATE schedule SET next_at = ? WHERE function_id = ? AND cron = ?",
            (schedule.after(max(tx.now, row["next_at"])), function.id, row["cron"]),
        )


def _claim(tx: Transaction) -> tuple[list[Call], int | None]:
    """Claim what there is room for, and tell when a throttle opens next. Of calls that were under way when the process
    died one at a time is made, so that the one that kills it uses up its own attempts and not those of its neighbours."""
    lanes = Lanes(tx)
    under_way = "SELECT lane, count(*), max(suspect) FROM job WHERE claimed_at IS NOT NULL GROUP BY lane"
    suspect = False
    for lane, calls_there, suspect_there in tx.sql.execute(under_way).fetchall():
        lanes.occupy(lane, calls_there)
        suspect = suspect or bool(suspect_there)
    candidates = [job for lane in _due_lanes(tx) for job in _due_jobs(tx, lane, min(lanes.free, lanes.room(lane)))]
    calls: list[Call] = []
    looking: set[str] = set()  # runs in which a call of this pass looks for what comes next
    for job in sorted(candidates, key=lambda job: (job["sort_at"], job["due_at"], job["id"])):
        looks = job["step_id"] == UNTARGETED
        if looks and job["run_id"] in looking:
            continue
        if lanes.free > 0 and lanes.room(job["lane"]) > 0 and not (suspect and job["suspect"]):
            suspect = suspect or bool(job["suspect"])
            looking.update({job["run_id"]} if looks else ())
            lanes.take(job["lane"])
            calls.append(_claimed(tx, job))
    return calls, lanes.opens_at


def _due_lanes(tx: Transaction) -> list[str]:
    rows = tx.sql.execute("SELECT DISTINCT lane FROM job WHERE claimed_at IS NULL AND due_at <= ?", (tx.now,))
    return [row["lane"] for row in rows.fetchall()]


def _due_jobs(tx: Transaction, lane: str, limit: int) -> list[sqlite3.Row]:
    """The oldest jobs of a lane. One call at a time looks for what comes next in a run: two could run the same step."""
    if limit <= 0:
        return []
    return tx.sql.execute(
        "SELECT * FROM job WHERE claimed_at IS NULL AND lane = ? AND due_at <= ? AND (step_id <> ? OR NOT EXISTS "
        "(SELECT 1 FROM job AS other WHERE other.run_id = job.run_id AND other.claimed_at IS NOT NULL "
        "AND other.step_id = job.step_id)) ORDER BY sort_at, due_at, id LIMIT ?",
        (lane, tx.now, UNTARGETED, limit),
    ).fetchall()


def _called(tx: Transaction, job: sqlite3.Row, *, interrupted: bool = False) -> Called:
    function = tx.policy.registry.get(function_of(job["lane"]))
    if function is None:
        return Called(job["step_id"], job["attempt"], job["attempt"] + 1)
    spare = max(tx.policy.limits.interruptions, function.handles_failures) if interrupted else 0
    return Called(job["step_id"], job["attempt"], function.max_attempts + spare)


def _claimed(tx: Transaction, job: sqlite3.Row) -> Call:
    function_id, run_id = function_of(job["lane"]), job["run_id"]
    called = _called(tx, job)
    run = tx.sql.execute("SELECT * FROM run WHERE id = ?", (run_id,)).fetchone()
    tx.sql.execute("UPDATE job SET claimed_at = ?, lane = ? WHERE id = ?", (tx.now, run["lane"], job["id"]))
    if run["started_at"] is None:
        function = tx.policy.registry.get(function_id)
        limit = function.finish_timeout_ms if function else None
        finish_by = None if limit is None else tx.now + limit
        tx.sql.execute("UPDATE run SET started_at = ?, finish_by = ? WHERE id = ?", (tx.now, finish_by, run_id))
    tx.sql.execute(
        "UPDATE step SET attempts = ? WHERE run_id = ? AND id = ?", (called.attempt + 1, run_id, called.step_id)
    )
    return Call(job["id"], run_id, function_id, called, _body(tx, run, called))


def _body(tx: Transaction, run: sqlite3.Row, called: Called) -> str:
    run_id = run["id"]
    by_reference = run["state_bytes"] > tx.policy.limits.request_bytes
    pending = tx.sql.execute(
        "SELECT 1 FROM step WHERE run_id = ? AND status IN ('planned', 'waiting') LIMIT 1", (run_id,)
    ).fetchone()
    return request_body(
        run_id=run_id,
        attempt=called.attempt,
        max_attempts=called.max_attempts,
        disable_immediate_execution=pending is not None,
        events=events_of(tx, run_id),
        memos={} if by_reference else memos_of(tx, run_id),
        by_reference=by_reference,
    )


def memos_of(tx: Transaction, run_id: str) -> dict[str, str]:
    rows = tx.sql.execute("SELECT id, memo FROM step WHERE run_id = ? AND memo IS NOT NULL", (run_id,))
    return {row["id"]: row["memo"] for row in rows}


def _next_due(tx: Transaction, opens_at: int | None) -> int | None:
    times = [opens_at] + [
        tx.sql.execute(query, (tx.now,)).fetchone()[0]
        for query in (
            "SELECT min(due_at) FROM job WHERE claimed_at IS NULL AND due_at > ?",
            "SELECT min(due_at) FROM step WHERE status = 'waiting' AND due_at > ?",
            "SELECT min(start_by) FROM run WHERE status = 'RUNNING' AND started_at IS NULL AND start_by > ?",
            "SELECT min(finish_by) FROM run WHERE status = 'RUNNING' AND finish_by > ?",
            "SELECT min(next_at) FROM schedule WHERE next_at > ?",
            "SELECT min(due_at) FROM held WHERE due_at > ?",
        )
    ]
    return min((time for time in times if time is not None), default=None)
