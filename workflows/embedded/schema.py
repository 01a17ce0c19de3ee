"""The journal's tables. They are meant to be read by an operator with any SQLite tool; times are ms since the epoch (UTC)."""

from __future__ import annotations

VERSION = 1

SCHEMA = """
-- What was sent. `key` is the sender's id if there was one: the same name and key within a day is the same event.
CREATE TABLE event (
    id          TEXT PRIMARY KEY,
    key         TEXT NOT NULL,
    name        TEXT NOT NULL,
    body        TEXT NOT NULL,                 -- as functions see it: {data, id, name, ts}
    received_at INTEGER NOT NULL,
    routed      INTEGER NOT NULL DEFAULT 0     -- 1: functions, waits and cancellations have been looked up
) WITHOUT ROWID;
CREATE INDEX event_by_key ON event (key, received_at);
CREATE INDEX event_to_route ON event (received_at) WHERE routed = 0;
CREATE INDEX event_by_age ON event (received_at);

-- One execution of a function. status: RUNNING, COMPLETED, FAILED, CANCELLED; the last three never change.
CREATE TABLE run (
    id           TEXT PRIMARY KEY,
    function_id  TEXT NOT NULL,
    status       TEXT NOT NULL DEFAULT 'RUNNING',
    output       TEXT,                          -- the function's value, or its error {name, message, stack}
    created_at   INTEGER NOT NULL,
    started_at   INTEGER,                       -- first call
    ended_at     INTEGER,
    sort_at      INTEGER NOT NULL,              -- older first; moved by priority
    lane         TEXT NOT NULL,                 -- function and concurrency key values: [function, [value, ...]]
    singleton    TEXT,
    start_by     INTEGER,
    finish_by    INTEGER,
    state_bytes  INTEGER NOT NULL,              -- events and memos, to know when they no longer fit a request
    invoked_by   TEXT,                          -- run and step that wait for the result
    invoked_step TEXT
) WITHOUT ROWID;
CREATE INDEX run_active ON run (function_id) WHERE status = 'RUNNING';
CREATE INDEX run_to_start ON run (start_by) WHERE status = 'RUNNING' AND start_by IS NOT NULL AND started_at IS NULL;
CREATE INDEX run_to_finish ON run (finish_by) WHERE status = 'RUNNING' AND finish_by IS NOT NULL;
CREATE INDEX run_singleton ON run (singleton) WHERE status = 'RUNNING' AND singleton IS NOT NULL;
CREATE INDEX run_child ON run (invoked_by, invoked_step) WHERE invoked_by IS NOT NULL;
CREATE INDEX run_by_end ON run (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE run_event (
    run_id   TEXT NOT NULL,
    position INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    PRIMARY KEY (run_id, position)
) WITHOUT ROWID;
CREATE INDEX run_by_event ON run_event (event_id);

-- status: retrying (failed in line, will be met again), planned, waiting, completed, failed. The last two never change.
CREATE TABLE step (
    run_id     TEXT NOT NULL,
    id         TEXT NOT NULL,                   -- the SDK's hash of the step's id
    name       TEXT NOT NULL,
    op         TEXT NOT NULL,
    status     TEXT NOT NULL,
    memo       TEXT,                            -- what the function is told: {"data": ...}, {"error": ...}, null, an event
    error      TEXT,                            -- the last failure, while it may still succeed
    attempts   INTEGER NOT NULL DEFAULT 0,
    position   INTEGER NOT NULL,                -- in the order reported, from 0
    team       TEXT NOT NULL,                   -- steps reported together; the function goes on when all are done
    race       INTEGER NOT NULL DEFAULT 0,      -- 1: the function goes on when this one is done
    due_at     INTEGER,                         -- sleep over, or wait given up
    wait_event TEXT,
    wait_if    TEXT,
    created_at INTEGER NOT NULL,
    ended_at   INTEGER,
    PRIMARY KEY (run_id, id)
) WITHOUT ROWID;
CREATE INDEX step_due ON step (due_at) WHERE status = 'waiting';
CREATE INDEX step_wait ON step (wait_event) WHERE status = 'waiting' AND wait_event IS NOT NULL;

-- A call to make. claimed_at is set and committed before the call is made.
CREATE TABLE job (
    id         TEXT PRIMARY KEY,
    run_id     TEXT NOT NULL,
    step_id    TEXT NOT NULL,                   -- 'step': whatever comes next; else the planned step to run
    attempt    INTEGER NOT NULL DEFAULT 0,      -- from 0, of the next or present call
    due_at     INTEGER NOT NULL,                -- not before; 0: at once, whatever the clock says
    sort_at    INTEGER NOT NULL,
    lane       TEXT NOT NULL,                   -- the run's; with a throttle's key value while the run has not started
    claimed_at INTEGER,
    suspect    INTEGER NOT NULL DEFAULT 0,      -- 1: it was under way when the process died; one such at a time is called
    error      TEXT                             -- why the attempt before failed
) WITHOUT ROWID;
CREATE INDEX job_queued ON job (lane, sort_at, due_at) WHERE claimed_at IS NULL;
CREATE INDEX job_due ON job (due_at) WHERE claimed_at IS NULL;
CREATE INDEX job_claimed ON job (lane, suspect) WHERE claimed_at IS NOT NULL;
CREATE INDEX job_by_run ON job (run_id);

-- The next tick of each schedule.
CREATE TABLE schedule (
    function_id TEXT NOT NULL,
    cron        TEXT NOT NULL,
    next_at     INTEGER NOT NULL,
    PRIMARY KEY (function_id, cron)
) WITHOUT ROWID;
CREATE INDEX schedule_next ON schedule (next_at);

-- Events held back: the latest of a debounce, or all of a batch.
CREATE TABLE held (
    function_id TEXT NOT NULL,
    key         TEXT NOT NULL,
    kind        TEXT NOT NULL,                  -- debounce, batch
    opened_at   INTEGER NOT NULL,
    due_at      INTEGER NOT NULL,
    PRIMARY KEY (function_id, key)
) WITHOUT ROWID;
CREATE INDEX held_due ON held (due_at);
CREATE TABLE held_event (
    function_id TEXT NOT NULL,
    key         TEXT NOT NULL,
    position    INTEGER NOT NULL,
    event_id    TEXT NOT NULL,
    PRIMARY KEY (function_id, key, position)
) WITHOUT ROWID;

-- Apps that registered over HTTP, to call them again after a restart.
CREATE TABLE app (
    id        TEXT PRIMARY KEY,
    url       TEXT NOT NULL,
    functions TEXT NOT NULL
) WITHOUT ROWID;

-- Theoretical arrival times (generic cell rate algorithm) of throttles and rate limits.
CREATE TABLE rate (
    key TEXT PRIMARY KEY,
    tat REAL NOT NULL
) WITHOUT ROWID;
"""
