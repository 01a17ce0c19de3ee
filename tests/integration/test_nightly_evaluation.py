"""At two each night, on the real engine and catalog: a run for each collection that has a golden set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from app.adapters.inngest_client import InngestEvents
from app.adapters.sql import SqlCatalog
from app.observability.traces import OtelTracer
from app.services.collections import Collections
from app.services.evaluations import Evaluations
from app.services.job_record import CatalogJobRecord
from app.services.outbox import Outbox
from pipelines.domain.access import Principal, Role
from pipelines.domain.evaluation import EvidencePlace, GoldenQuestion
from pipelines.domain.jobs import JobStatus, OutboxEvent
from pipelines.ports import JobFilter
from tests.contract.samples import PAPERS, START, collection, set_up
from tests.fakes.embedders import OneEmbedder
from tests.integration.embedded.support import served
from workflows import evaluate
from workflows.events import EvaluationRequested
from workflows.steps import Retries, StepOutput

ADMIN = Principal("acme", "ada", roles=frozenset({Role.TENANT_ADMIN}))
A_DAY_S = 86_400


class Asking:
    """An Evaluating that notes what it is asked for."""

    def __init__(self) -> None:
        self.scored: list[str] = []

    async def plan(self, request: EvaluationRequested) -> StepOutput:
        return {"batches": 2}

    async def ask(self, request: EvaluationRequested, batch: int) -> StepOutput:
        return {"asked": 1}

    async def score(self, request: EvaluationRequested) -> StepOutput:
        self.scored.append(request.evaluation_id)
        return {"questions": 2}


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqlCatalog]:
    opened = SqlCatalog(f"sqlite:///{tmp_path / 'catalog.sqlite3'}")
    opened.open()
    set_up(opened)
    with opened.begin() as uow:
        uow.collections.add(collection(name="without"))
        uow.golden_sets.put(PAPERS.id, (GoldenQuestion("How much leave?", (EvidencePlace("handbook.pdf", 3),), "28"),))
    yield opened
    opened.close()


async def test_each_night_every_collection_with_a_golden_set_is_evaluated(catalog: SqlCatalog, tmp_path: Path) -> None:
    asking, made = Asking(), {}

    def maker(number: int, client: object) -> object:
        if not made:
            collections = Collections(catalog, OneEmbedder(None), "layout-1", lambda: START)  # type: ignore[arg-type]
            nightly = Evaluations(catalog, collections, Outbox(catalog, InngestEvents(client)), lambda: START)  # type: ignore[arg-type]
            record = CatalogJobRecord(catalog, lambda: START, OtelTracer(None, "0"))
            made.update(enumerate(evaluate.functions(client, asking, nightly, record, Retries(0, 1))))  # type: ignore[arg-type]
        return made[number]

    async with served(tmp_path / "journal.db", [partial(maker, number) for number in range(3)]) as app:  # type: ignore[list-item]
        await app.executor.wait_idle()
        assert asking.scored == []
        for night in (1, 2):
            app.clock.advance(A_DAY_S)
            await app.until(lambda night=night: len(asking.scored) == night)
            await app.executor.wait_idle()
    with catalog.read() as uow:
        runs = uow.evaluations.of_collection(PAPERS.id, 10)
        jobs = uow.jobs.page(ADMIN, JobFilter(), None, 10)
    assert {run.id for run in runs} == set(asking.scored)
    assert {str(run.asker["user"]) for run in runs} == {"evaluation"}, "nobody: what everyone may read"
    assert [job.status for job in jobs] == [JobStatus.SUCCEEDED] * 2


async def test_a_step_that_is_tried_again_starts_no_second_run(catalog: SqlCatalog) -> None:
    class Sent:
        """An EventSender that notes what it was given."""

        def __init__(self) -> None:
            self.ids: list[str] = []

        async def send(self, events: Sequence[OutboxEvent]) -> None:
            self.ids += [event.id for event in events]

    sent = Sent()
    collections = Collections(catalog, OneEmbedder(None), "layout-1", lambda: START)  # type: ignore[arg-type]
    nightly = Evaluations(catalog, collections, Outbox(catalog, sent), lambda: START)
    for night in ("run-1", "run-1", "run-2"):
        assert await nightly.request_all(night) == {"runs": 1}
    with catalog.read() as uow:
        assert len(uow.evaluations.of_collection(PAPERS.id, 10)) == 2
        assert len(uow.jobs.page(ADMIN, JobFilter(), None, 10)) == 2
    assert len(set(sent.ids)) == 2, "the engine takes an event once"
