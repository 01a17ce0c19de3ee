"""The executor's promises (docs/adr/0009-embedded-executor.md): each with a test that tries to break it."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.unit.embedded.support import START, Journal, config, memo, ref, started
from workflows.embedded import runs, scheduling
from workflows.embedded.reducer import (
    Finish,
    Invoke,
    Memo,
    Op,
    Outcome,
    Plan,
    Retry,
    Sleep,
    StepRef,
    Wait,
)
from workflows.embedded.registry import parse_functions
from workflows.embedded.scheduling import Call

TERMINAL = ("COMPLETED", "FAILED", "CANCELLED")


@pytest.fixture
def journal() -> Journal:
    return Journal()


EVERYTHING = Outcome(
    (
        Plan(ref("plan")),
        Sleep(ref("sleep", "Sleep"), START + 1_000),
        Wait(ref("wait", "WaitForEvent"), "answer", None, START + 1_000),
        Invoke(ref("invoke", "InvokeFunction"), "app-child", {}, None, START + 1_000),
        memo("done"),
    )
)


@pytest.mark.parametrize("table", ["step", "job", "event", "run_event", "run"])
@pytest.mark.parametrize(
    "outcome", [EVERYTHING, Outcome(finish=Finish("FAILED", '{"message":"no"}'))], ids=["ops", "end"]
)
def test_an_answer_is_journalled_whole_or_not_at_all(journal: Journal, table: str, outcome: Outcome) -> None:
    """I2, I8: memos, the finished job, new jobs, waits, events and the status are one transaction."""
    call = started(journal)
    before = journal.dump()
    journal.sql.execute(f"CREATE TRIGGER broken BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'broken'); END")
    journal.sql.execute("CREATE TRIGGER broken_too BEFORE DELETE ON job BEGIN SELECT RAISE(ABORT, 'broken'); END")
    journal.sql.execute("BEGIN")
    with pytest.raises(sqlite3.IntegrityError):
        journal.answer(call, outcome)
    journal.sql.execute("ROLLBACK")
    assert journal.dump() == before
    journal.sql.executescript("DROP TRIGGER broken; DROP TRIGGER broken_too")
    journal.answer(call, outcome)
    assert journal.dump() != before


def test_the_terminal_event_is_there_when_the_status_is(journal: Journal) -> None:
    """I8."""
    for number, (status, names) in enumerate(
        {
            "COMPLETED": ["inngest/function.finished"],
            "FAILED": ["inngest/function.failed", "inngest/function.finished"],
            "CANCELLED": ["inngest/function.cancelled", "inngest/function.finished"],
        }.items()
    ):
        journal.send("go", number)
        call = journal.settle()[0]
        if status == "CANCELLED":
            runs.cancel_run(journal.tx, call.run_id)
        else:
            journal.answer(call, Outcome(finish=Finish(status, '{"message":"m"}')))
        events = journal.sql.execute(
            "SELECT name FROM event WHERE json_extract(body, '$.data.run_id') = ? ORDER BY name", (call.run_id,)
        )
        assert [row["name"] for row in events] == names


def test_a_memo_never_changes(journal: Journal) -> None:
    """I3: neither by a second answer, nor by a timer, nor by an event that comes late."""
    call = started(journal)
    journal.answer(call, EVERYTHING)
    step = {row["id"]: row["memo"] for row in journal.sql.execute("SELECT id, memo FROM step")}
    assert step["done"] == '{"data":1}'
    assert not runs.complete_step(journal.tx, call.run_id, "done", '{"data":2}')
    journal.now += 2_000
    journal.settle()  # the sleep and the waits are over
    journal.send("answer", 5)
    journal.settle()
    memos = {row["id"]: row["memo"] for row in journal.sql.execute("SELECT id, memo FROM step WHERE memo IS NOT NULL")}
    assert memos["done"] == '{"data":1}'
    assert (memos["sleep"], memos["wait"]) == ("null", "null")
    assert "InngestInvokeTimeoutError" in memos["invoke"]


def test_an_answer_that_comes_twice_changes_nothing_the_second_time(journal: Journal) -> None:
    call = started(journal)
    journal.answer(call, EVERYTHING)
    before = journal.dump()
    journal.answer(call, EVERYTHING)
    journal.answer(call, Outcome((memo("done", 2), memo("other"))))
    journal.answer(call, Outcome(finish=Finish("FAILED", '{"message":"late"}')))
    assert journal.dump() == before


def test_an_answer_to_an_attempt_that_was_given_up_changes_nothing(journal: Journal) -> None:
    call = started(journal)
    scheduling.recover(journal.tx)
    before = journal.dump()
    journal.answer(call, Outcome((memo("late"),)))
    assert journal.dump() == before


def test_the_same_history_gives_the_same_ids() -> None:
    """I4: of jobs, runs and the executor's own events."""

    def history() -> dict[str, Any]:
        journal = Journal()
        call = started(journal)
        journal.answer(call, EVERYTHING)
        for child in journal.settle():
            journal.answer(child, Outcome(finish=Finish("FAILED", '{"message":"m"}')))
        return journal.dump()

    assert history() == history()


def test_a_claim_is_in_the_journal_before_the_call_and_counts_when_nobody_answers(journal: Journal) -> None:
    """I5."""
    first = started(journal)
    attempts = [first.called.attempt]
    claimed = "SELECT count(*) FROM job WHERE claimed_at IS NOT NULL"
    assert journal.sql.execute(claimed).fetchone()[0] == 1
    while True:
        scheduling.recover(journal.tx)  # as after a kill
        calls = [call for call in journal.settle() if call.run_id == first.run_id]
        if not calls:
            break
        attempts.append(calls[0].called.attempt)
    assert attempts == [0, 1, 2, 3, 4]
    run = journal.sql.execute("SELECT * FROM run WHERE id = ?", (first.run_id,)).fetchone()
    assert run["status"] == "FAILED"
    assert "Interrupted" in run["output"]


def test_what_kills_the_process_fails_alone(journal: Journal) -> None:
    """I5: its neighbours were under way each time it could have taken them along, and are not failed for it."""
    for number in range(8):
        journal.send("go", number)
    killer = journal.sql.execute("SELECT id FROM event ORDER BY received_at, id").fetchone()["id"]
    deaths = 0
    for _ in range(100):
        calls = journal.settle()
        event = "SELECT event_id FROM run_event WHERE run_id = ?"
        if any(journal.sql.execute(event, (call.run_id,)).fetchone()["event_id"] == killer for call in calls):
            deaths += 1
            scheduling.recover(journal.tx)
            continue
        for call in calls:
            journal.answer(call, Outcome(finish=Finish("COMPLETED", "1")))
        if not calls:
            break
    rows = journal.sql.execute(
        "SELECT status, event_id FROM run JOIN run_event ON run_id = id WHERE function_id = 'app-main'"
    )
    assert {row["event_id"]: row["status"] for row in rows if row["status"] != "COMPLETED"} == {killer: "FAILED"}
    assert deaths == 5


def test_a_failure_handler_that_is_interrupted_is_called_once_more_and_not_for_ever(journal: Journal) -> None:
    """The SDK gives `on_failure` one attempt and no say in it."""
    handler = config("main-failure", "inngest/function.failed")
    handler["triggers"][0]["expression"] = "event.data.function_id == 'app-main'"
    handler["steps"]["step"]["retries"] = {"attempts": 0}
    call = started(journal)
    journal.policy.registry.replace("app", parse_functions([config("main", "go"), handler]))
    journal.answer(call, Outcome(finish=Finish("FAILED", '{"message":"m"}')))
    calls = 0
    for _ in range(5):
        calls += len(journal.settle())
        scheduling.recover(journal.tx)
    assert calls == 2


def test_deaths_of_the_process_may_be_allowed_beyond_the_retries(journal: Journal) -> None:
    """A machine that is switched off and on again says little about the document that was being read."""
    limits = replace(journal.policy.limits, interruptions=7)
    journal.policy = replace(journal.policy, limits=limits)
    call = started(journal)
    calls = 1
    for _ in range(50):
        scheduling.recover(journal.tx)
        calls += sum(again.run_id == call.run_id for again in journal.settle())
    assert calls == call.called.max_attempts + 7


@pytest.mark.parametrize("first", TERMINAL)
@pytest.mark.parametrize("second", TERMINAL)
def test_a_run_ends_once(journal: Journal, first: str, second: str) -> None:
    """I6."""
    call = started(journal)
    assert runs.finish_run(journal.tx, call.run_id, first, '{"message":"first"}')
    before = journal.dump()
    assert not runs.finish_run(journal.tx, call.run_id, second, '{"message":"second"}')
    assert journal.dump() == before


def test_times_reported_again_do_not_move_a_timer(journal: Journal) -> None:
    """I7: a later look at the function reports its pending waits again, computed from now."""
    call = started(journal)
    journal.answer(call, Outcome((Sleep(ref("nap", "Sleep", race=True), START + 5_000), Plan(ref("work", race=True)))))
    (work,) = journal.settle()
    journal.now += 1_000
    journal.answer(work, Outcome((memo("work"),)))
    (again,) = journal.settle()
    journal.answer(again, Outcome((Sleep(ref("nap", "Sleep", race=True), START + 6_000),)))
    assert journal.sql.execute("SELECT due_at FROM step WHERE id = 'nap'").fetchone()[0] == START + 5_000


STEP_IDS = [f"s{number}" for number in range(6)]
ACTIONS: dict[str, Callable[[StepRef, int], Op]] = {
    "plan": lambda step, _: Plan(step),
    "memo": lambda step, _: Memo(step, '{"data":0}', failed=False),
    "failed": lambda step, _: Memo(step, '{"error":{}}', failed=True),
    "sleep": lambda step, now: Sleep(step, now + 500),
    "wait": lambda step, now: Wait(step, "answer", None, now + 700),
    "invoke": lambda step, now: Invoke(step, "app-child", {}, None, now + 900),
}


class AnyApp(RuleBasedStateMachine):
    """An app that answers anything, a process that dies at any time, a clock that goes either way."""

    def __init__(self) -> None:
        super().__init__()
        self.journal = Journal()
        self.calls: list[Call] = []
        self.memos: dict[tuple[str, str], str] = {}
        self.ended: dict[str, str] = {}
        self.numbers = itertools.count()

    @initialize()
    def start(self) -> None:
        self.send("go")

    @rule(name=st.sampled_from(["go", "answer", "stop"]))
    def send(self, name: str) -> None:
        self.journal.send(name, next(self.numbers))

    @rule()
    def settle(self) -> None:
        self.calls += self.journal.settle()

    @rule(by=st.sampled_from([-2_000, 100, 1_000]))
    def clock(self, by: int) -> None:
        self.journal.now += by

    @precondition(lambda self: self.calls)
    @rule(
        data=st.data(),
        kinds=st.lists(
            st.tuples(st.sampled_from(STEP_IDS), st.sampled_from(sorted(ACTIONS)), st.booleans()), max_size=4
        ),
        end=st.sampled_from([None, None, None, "COMPLETED", "FAILED", "retry"]),
        keep=st.booleans(),
    )
    def answer(self, data: st.DataObject, kinds: list[tuple[str, str, bool]], end: str | None, keep: bool) -> None:
        call = data.draw(st.sampled_from(self.calls))
        if not keep:  # else the same call is answered again later
            self.calls.remove(call)
        names = {"sleep": "Sleep", "wait": "WaitForEvent", "invoke": "InvokeFunction"}
        ops = [
            ACTIONS[kind](StepRef(id_, id_, names.get(kind, "StepRun"), race), self.journal.now)
            for id_, kind, race in {kind[0]: kind for kind in kinds}.values()
        ]
        retry = Retry(300, "{}") if end == "retry" and not call.called.is_last else None
        finish = Finish(end, '{"message":"m"}') if end in TERMINAL else None
        self.journal.answer(call, Outcome(tuple(ops), retry, finish))

    @rule()
    def kill(self) -> None:
        scheduling.recover(self.journal.tx)

    @invariant()
    def memos_never_change(self) -> None:
        found = {
            (row["run_id"], row["id"]): row["memo"]
            for row in self.journal.sql.execute("SELECT run_id, id, memo FROM step WHERE memo IS NOT NULL")
        }
        assert found.items() >= self.memos.items()
        self.memos = found

    @invariant()
    def what_ended_stays_ended(self) -> None:
        rows = self.journal.sql.execute("SELECT id, status FROM run WHERE status <> 'RUNNING'")
        found = {row["id"]: row["status"] for row in rows}
        assert found.items() >= self.ended.items()
        self.ended = found

    @invariant()
    def every_run_that_has_not_ended_has_something_to_come(self) -> None:
        stuck = self.journal.sql.execute(
            "SELECT id FROM run WHERE status = 'RUNNING' AND NOT EXISTS (SELECT 1 FROM job WHERE run_id = run.id) "
            "AND NOT EXISTS (SELECT 1 FROM step WHERE run_id = run.id AND status = 'waiting' AND due_at IS NOT NULL)"
        ).fetchall()
        assert [row["id"] for row in stuck] == []

    @invariant()
    def one_call_at_a_time_looks_for_what_comes_next(self) -> None:
        twice = self.journal.sql.execute(
            "SELECT run_id FROM job WHERE step_id = 'step' AND claimed_at IS NOT NULL GROUP BY run_id HAVING count(*) > 1"
        ).fetchall()
        assert len(twice) == 0

    @invariant()
    def what_ended_leaves_nothing_to_call(self) -> None:
        left = self.journal.sql.execute(
            "SELECT job.id FROM job JOIN run ON run.id = run_id WHERE status <> 'RUNNING' AND claimed_at IS NULL"
        ).fetchall()
        assert len(left) == 0

    def teardown(self) -> None:
        self.journal.sql.close()


TestAnyApp = AnyApp.TestCase
TestAnyApp.settings = settings(max_examples=60, stateful_step_count=30, suppress_health_check=[HealthCheck.too_slow])
