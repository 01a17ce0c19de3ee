"""The running executor: journal, clock and apps brought together. It exists while the journal is open."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from workflows.embedded import pruning, routing, runs, scheduling
from workflows.embedded.canonical import JSON, canonical, parse
from workflows.embedded.clock import Clock
from workflows.embedded.errors import EmbeddedError, JournalUnavailable, RunNotFound
from workflows.embedded.failpoints import failpoint
from workflows.embedded.journal import Timed, Writer, checkpoint, connect, lock, untimed
from workflows.embedded.protocol import Reply
from workflows.embedded.reducer import Outcome, reduce
from workflows.embedded.registry import parse_functions
from workflows.embedded.scheduling import Call, Settled
from workflows.embedded.transaction import Policy, Transaction
from workflows.embedded.transport import App

log = logging.getLogger(__name__)
T = TypeVar("T")
_COMMIT_RETRY_S = 1.0


class Engine:
    """Opens the journal, dispatches calls, commits their answers."""

    def __init__(self, path: Path, policy: Policy, clock: Clock, timed: Timed = untimed) -> None:
        self._path = path
        self._policy = policy
        self._clock = clock
        self._holder = lock(path)
        try:
            self._connection = connect(path)
            self._reader = connect(path, read_only=True)
        except BaseException:
            self._holder.close()
            raise
        self._reading = threading.Lock()
        self._writer = Writer(self._connection, self._settle, self._committed, timed)
        self._loop = asyncio.get_running_loop()
        self._claiming = False
        self._next_due: int | None = None
        self._changed = asyncio.Event()
        self._idle = asyncio.Event()
        self._apps: dict[str, App] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.Task[None] | None = None

    # --- opening and closing

    async def start(self) -> None:
        """Take up what was left, and begin to call. Register the apps first."""
        self._writer.start()
        failpoint("start.recovering")
        await self.transact(scheduling.recover)
        await self.transact(scheduling.plan_schedules)
        self._claiming = True
        self._timer = asyncio.create_task(self._watch(), context=contextvars.Context())
        await self.transact(_nothing)

    async def close(self, grace_s: float) -> None:
        """Stop calling, give calls under way `grace_s` seconds, give back those that remain, close the journal."""
        self._claiming = False
        if self._timer is not None:
            self._timer.cancel()
            await asyncio.gather(self._timer, return_exceptions=True)
            with contextlib.suppress(JournalUnavailable):
                await self.transact(_nothing)  # what was claimed before this has been dispatched after it
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self._writer.close)
        for app in set(self._apps.values()):
            await app.aclose()
        with self._reading:
            self._reader.close()
        self._connection.close()
        self._holder.close()

    def adopt(self, app_id: str, app: App, configs: list[JSON]) -> bool:
        """Take an app's functions, before the start; True if they changed. ConfigRefused changes nothing."""
        functions = parse_functions(configs)
        changed = self._policy.registry.replace(app_id, functions)
        self._apps |= {function.id: app for function in functions}
        log.info("functions.registered", extra={"app_id": app_id, "functions": len(functions), "modified": changed})
        return changed

    async def register(self, app_id: str, app: App, configs: list[JSON]) -> bool:
        """Take the functions of an app that is reached by HTTP, and remember it over restarts."""
        changed = self.adopt(app_id, app, configs)

        def remember(tx: Transaction) -> None:
            tx.sql.execute("INSERT OR REPLACE INTO app VALUES (?, ?, ?)", (app_id, app.url, canonical(configs)))
            scheduling.plan_schedules(tx)

        await self.transact(remember)
        return changed

    async def recall(self, app_at: Callable[[str], App]) -> None:
        """Adopt the apps that registered in an earlier life."""
        for row in await self.read(lambda sql: sql.execute("SELECT * FROM app").fetchall()):
            self.adopt(row["id"], app_at(row["url"]), parse(row["functions"]))

    # --- transactions

    def _transaction(self, sql: sqlite3.Connection) -> Transaction:
        return Transaction(sql, int(self._clock.now() * 1000), self._policy)

    def submit(self, work: Callable[[Transaction], T]) -> Future[T]:
        return self._writer.submit(lambda sql: work(self._transaction(sql)))

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in a transaction; returns once it is durable. JournalUnavailable: it has not happened."""
        return await asyncio.wrap_future(self.submit(work))

    async def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        def locked() -> T:
            with self._reading:
                return query(self._reader)

        return await asyncio.to_thread(locked)

    async def send(self, raw: JSON, seed: bytes, seed_ms: int) -> list[str]:
        """Accept events; returns their ids once they are durable. EventRefused: none of them was taken."""
        events = routing.check_events(raw, seed, seed_ms, self._policy.limits.event_bytes)
        failpoint("events.before-accept")
        accepted = await self.transact(lambda tx: routing.accept(tx, events))
        failpoint("events.after-accept")
        return accepted

    async def cancel(self, run_id: str) -> bool:
        """False if the run had ended already; RunNotFound if there is none."""

        def cancel(tx: Transaction) -> bool:
            if tx.sql.execute("SELECT 1 FROM run WHERE id = ?", (run_id,)).fetchone() is None:
                raise RunNotFound(run_id)
            return runs.cancel_run(tx, run_id)

        return await self.transact(cancel)

    async def prune(self, before_ms: int) -> int:
        """Forget runs that ended before then, and events that belong to none; returns how many runs."""
        runs_pruned = 0
        while pruned := await self.transact(lambda tx: pruning.prune_runs(tx, before_ms)):
            runs_pruned += pruned
        while await self.transact(lambda tx: pruning.prune_events(tx, before_ms)):
            pass
        await self.transact(pruning.prune_rates)
        while await self.transact(pruning.shrink):
            pass
        await asyncio.to_thread(checkpoint, self._path)
        log.info("journal.pruned", extra={"runs": runs_pruned, "before_ms": before_ms})
        return runs_pruned

    async def memos(self, run_id: str) -> dict[str, str]:
        return await self.read(lambda sql: scheduling.memos_of(self._transaction(sql), run_id))

    # --- after each commit

    def _settle(self, sql: sqlite3.Connection) -> Settled:
        return scheduling.settle(self._transaction(sql), claiming=self._claiming)

    def _committed(self, settled: Settled) -> None:
        """On the writer's thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: the next start takes up what was claimed
            self._loop.call_soon_threadsafe(self._dispatch, settled)

    def _dispatch(self, settled: Settled) -> None:
        for call in settled.calls:
            # The SDK keeps the step in a context variable: a call made from within a call must not inherit it.
            task = self._loop.create_task(self._perform(call), context=contextvars.Context())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._next_due = settled.next_due
        self._changed.set()
        if settled.idle:
            self._idle.set()
        else:
            self._idle.clear()

    async def _watch(self) -> None:
        """Settle when something is due, though nobody writes."""
        while True:
            self._changed.clear()
            due = self._next_due
            await self._clock.wait(self._changed, None if due is None else due / 1000 - self._clock.now())
            if due is None or due > self._clock.now() * 1000 or due != self._next_due:
                continue
            try:
                await self.transact(_nothing)
            except EmbeddedError:  # the writer has logged it; what is due stays due
                await asyncio.sleep(_COMMIT_RETRY_S)

    async def _perform(self, call: Call) -> None:
        app = self._apps.get(call.function_id)
        try:
            failpoint("call.before")
            if app is None:
                reply = Reply.unanswered("FunctionNotFound", "no app serves this function")
            else:
                reply = await app.call(call.function_id, call.called.step_id, call.body, job_id=call.job_id)
            failpoint("call.after")
        except asyncio.CancelledError:
            self.submit(lambda tx: scheduling.release(tx, call.job_id))
            raise
        except Exception as error:  # the edge of this call: whatever it was, the call has failed and is to be retried
            log.exception("call.broken", extra={"run_id": call.run_id, "job_id": call.job_id})
            reply = Reply.unanswered("InternalError", f"the call could not be made: {type(error).__name__}")
        await self._journal(call, reply)

    async def _journal(self, call: Call, reply: Reply) -> None:
        """Commit an answer; as long as the disk refuses, keep it and try again."""

        def journal(tx: Transaction) -> Outcome:
            policy = tx.policy
            outcome = reduce(call.called, reply, now_ms=tx.now, backoff=policy.backoff, limits=policy.limits)
            runs.answered(tx, call.job_id, call.called, outcome)
            return outcome

        while True:
            try:
                return _log_outcome(call, await self.transact(journal))
            except JournalUnavailable:
                await asyncio.sleep(_COMMIT_RETRY_S)
            except Exception as error:  # the edge of this call: a fault of ours must end the run, not leave it open
                log.exception("answer.not_journalled", extra={"run_id": call.run_id, "job_id": call.job_id})
                if reply.no_retry:
                    return None
                fault = Reply.unanswered("InternalError", f"the answer could not be journalled: {type(error).__name__}")
                reply = replace(fault, no_retry=True)

    async def wait_idle(self) -> None:
        await self._idle.wait()


def _log_outcome(call: Call, outcome: Outcome) -> None:
    """Who and how often, never why in words: a message may hold what a document says."""
    fields = {"run_id": call.run_id, "function_id": call.function_id, "attempt": call.called.attempt}
    if outcome.retry:
        log.warning("call.failed", extra={**fields, "retry_in_ms": outcome.retry.delay_ms})
    elif outcome.finish:
        level = logging.INFO if outcome.finish.status == "COMPLETED" else logging.ERROR
        log.log(level, "run.ended", extra={**fields, "status": outcome.finish.status})


def _nothing(_: Transaction) -> None:
    """An empty transaction: what is due is done at the end of every group."""
