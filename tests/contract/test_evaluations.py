"""Runs of golden questions are kept, for their tenant (on SQLite and on PostgreSQL)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.adapters.sql import SqlCatalog
from pipelines.domain.answering import Answering, Calibration, Task, Unsupported
from pipelines.domain.evaluation import EvaluatedQuestion, Evaluation, EvidencePlace, GoldenQuestion
from tests.contract.samples import PAPERS, START, at, set_up

QUESTIONS = (
    GoldenQuestion("How much leave?", (EvidencePlace("handbook.pdf", 3),), "28"),
    GoldenQuestion("Who painted it?", ()),
)
RUN = Evaluation(
    "evl_1", "acme", PAPERS.id, START, {"user": "ada", "groups": ["hr"], "roles": []}, QUESTIONS, {"k": "v"}
)


@pytest.fixture(autouse=True)
def _tenant(catalog: SqlCatalog) -> None:
    set_up(catalog)


def test_a_run_is_kept_with_its_results(catalog: SqlCatalog) -> None:
    with catalog.begin() as uow:
        uow.evaluations.add(RUN)
        uow.evaluations.add(replace(RUN, id="evl_2", created_at=at(9)))
        uow.evaluations.put_result("evl_1", 1, {"abstained": 0.0})
        uow.evaluations.put_result("evl_1", 0, {"recall@1": 0.5})
        uow.evaluations.put_result("evl_1", 1, {"abstained": 1.0})  # the step ran twice
        uow.evaluations.close("evl_1", {"abstained": 1.0})
    with catalog.read() as uow:
        assert uow.evaluations.get("acme", "evl_1") == replace(RUN, scores={"abstained": 1.0})
        assert uow.evaluations.get("rival", "evl_1") is None
        assert [run.id for run in uow.evaluations.of_collection(PAPERS.id, 9)] == ["evl_2", "evl_1"]
        assert uow.evaluations.results("evl_1") == [
            EvaluatedQuestion("How much leave?", {"recall@1": 0.5}),
            EvaluatedQuestion("Who painted it?", {"abstained": 1.0}),
        ]


def test_collections_with_a_golden_set_are_known(catalog: SqlCatalog) -> None:
    with catalog.begin() as uow:
        assert uow.golden_sets.collections() == []
        uow.golden_sets.put(PAPERS.id, QUESTIONS)
    with catalog.read() as uow:
        assert uow.golden_sets.collections() == [("acme", PAPERS.name)]
        assert uow.golden_sets.get(PAPERS.id) == list(QUESTIONS)


def test_how_a_collection_answers_is_kept(catalog: SqlCatalog) -> None:
    calibration = Calibration(0.5, 0.1, 0.9, "gen_1", "gemma3:4b", 40, 20, 1, START)
    answering = Answering(Unsupported.FLAG, Task.LIST, calibration)
    with catalog.begin() as uow:
        before = uow.collections.by_id(PAPERS.id)
        uow.collections.answer_by(PAPERS.id, answering)
    with catalog.read() as uow:
        after = uow.collections.by_id(PAPERS.id)
    assert before is not None
    assert before.answering == Answering()
    assert after is not None
    assert after.answering == answering
