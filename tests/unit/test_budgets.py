"""What stages may take is the operator's to say; what takes longer is counted."""

from __future__ import annotations

import pytest

from app.observability.budgets import STAGES, Budgets
from app.observability.metrics import REGISTRY
from app.settings import SettingsError, load
from pipelines.domain.errors import ConfigurationError


def breaches(stage: str) -> float:
    return REGISTRY.get_sample_value("cairn_stage_budget_breaches_total", {"stage": stage}) or 0


def seen(stage: str) -> float:
    return REGISTRY.get_sample_value("cairn_query_stage_duration_seconds_count", {"stage": stage}) or 0


def test_only_what_takes_longer_than_its_budget_is_a_breach() -> None:
    budgets = Budgets({"retrieve": 0.2, "total": 1})
    before = {stage: (breaches(stage), seen(stage)) for stage in STAGES}
    budgets.took({"retrieve": 200.0, "total": 900.0, "bind": 10_000.0, "model_asked": 5.0})
    budgets.took({"retrieve": 200.1, "total": 1000.1})
    counted = {stage: (breaches(stage) - was, seen(stage) - count) for stage, (was, count) in before.items()}
    assert counted["retrieve"] == (1, 2)
    assert counted["total"] == (1, 2)
    assert counted["bind"] == (0, 1), "a stage without a budget may take any time"
    assert counted["verify"] == (0, 0)
    assert REGISTRY.get_sample_value("cairn_stage_budget_seconds", {"stage": "retrieve"}) == 0.2


def test_a_stage_that_there_is_not_stops_the_start() -> None:
    with pytest.raises(ConfigurationError, match=r"no stage retreive; there are .*retrieve"):
        Budgets({"retreive": 1})


def test_the_setting_is_pairs_with_commas_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAIRN_LATENCY_BUDGETS", "retrieve=0.5, total = 20")
    assert load().latency_budgets == {"retrieve": 0.5, "total": 20}
    monkeypatch.setenv("CAIRN_LATENCY_BUDGETS", "")
    assert load().latency_budgets == {}
    for wrong in ("retrieve", "retrieve=fast", "retrieve=-1", "retrieve=0"):
        monkeypatch.setenv("CAIRN_LATENCY_BUDGETS", wrong)
        with pytest.raises(SettingsError, match="CAIRN_LATENCY_BUDGETS"):
            load()
