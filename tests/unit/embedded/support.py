"""A journal under a test's hand, and what is written to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workflows.embedded import routing, runs, scheduling
from workflows.embedded.canonical import canonical
from workflows.embedded.journal import connect
from workflows.embedded.reducer import Limits, Memo, Outcome, StepRef
from workflows.embedded.registry import Registry, parse_functions
from workflows.embedded.scheduling import Call
from workflows.embedded.transaction import Policy, Transaction

START = 1_700_000_000_000


def config(name: str, event: str, **options: Any) -> dict[str, Any]:
    url = f"http://app/api/inngest?fnId=app-{name}&stepId=step"
    step = {"id": "step", "name": "step", "runtime": {"type": "http", "url": url}}
    return {"id": f"app-{name}", "name": name, "triggers": [{"event": event}], "steps": {"step": step}, **options}


class Journal:
    """A journal and a hand on its clock, without threads or apps."""

    def __init__(self, path: Path | str = ":memory:") -> None:
        self.sql = connect(Path(path))
        self.now = START
        registry = Registry()
        registry.replace(
            "app",
            parse_functions(
                [
                    config("main", "go", cancel=[{"event": "stop"}]),
                    config("child", "never"),
                    config("failed", "inngest/function.failed"),
                ]
            ),
        )
        self.policy = Policy(registry, lambda retry: 1.0 * retry, Limits(), max_calls=8)

    @property
    def tx(self) -> Transaction:
        return Transaction(self.sql, self.now, self.policy)

    def send(self, name: str, number: int = 0) -> None:
        seed = number.to_bytes(10, "big")
        events = routing.check_events([{"name": name, "data": {"n": number}}], seed, self.now, 10_000)
        routing.accept(self.tx, events)

    def settle(self) -> list[Call]:
        return list(scheduling.settle(self.tx, claiming=True).calls)

    def answer(self, call: Call, outcome: Outcome) -> None:
        runs.answered(self.tx, call.job_id, call.called, outcome)

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.sql.execute(f"SELECT * FROM {table} ORDER BY 1, 2")]

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        return {table: self.rows(table) for table in ("event", "run", "run_event", "step", "job")}


def started(journal: Journal) -> Call:
    journal.send("go")
    (call,) = journal.settle()
    return call


def ref(id_: str, op: str = "StepRun", *, race: bool = False) -> StepRef:
    return StepRef(id_, id_, op, race)


def memo(id_: str, value: object = 1) -> Memo:
    return Memo(ref(id_), canonical({"data": value}), failed=False)
