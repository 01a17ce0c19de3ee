"""What the stages of a question take, and what they may."""

from __future__ import annotations

from collections.abc import Mapping

from app.observability.metrics import BUDGET_BREACHES, BUDGET_SECONDS, STAGE_SECONDS
from pipelines.domain.errors import ConfigurationError

STAGES = (
    *("look", "own_words", "expand", "dense", "written", "keyword", "exact", "check", "rerank", "retrieve", "cache"),
    *("queue", "first_token", "bind", "extract", "verify", "first_sentence", "total"),
)
"""As an answer's `timings_ms` names them; `retrieve`, `first_token`, `first_sentence` and `total` are counted from the start."""


class Budgets:
    """Seconds by stage; a stage without one may take any time. Raises ConfigurationError for a stage that there is not."""

    def __init__(self, seconds: Mapping[str, float]) -> None:
        if unknown := sorted(set(seconds) - set(STAGES)):
            raise ConfigurationError(
                f"CAIRN_LATENCY_BUDGETS: no stage {', '.join(unknown)}; there are {', '.join(STAGES)}"
            )
        self._seconds = dict(seconds)
        BUDGET_SECONDS.clear()
        for stage, budget in seconds.items():
            BUDGET_SECONDS.labels(stage).set(budget)
            BUDGET_BREACHES.labels(stage)

    def took(self, timings_ms: Mapping[str, float]) -> None:
        """Counts the stages of an answer or of a search."""
        for stage in STAGES:
            if stage in timings_ms:
                seconds = timings_ms[stage] / 1000
                STAGE_SECONDS.labels(stage).observe(seconds)
                if seconds > self._seconds.get(stage, seconds):
                    BUDGET_BREACHES.labels(stage).inc()
