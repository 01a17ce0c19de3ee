#!/usr/bin/env python
"""Writes docs/metrics.md from the metrics that there are: `scripts/make_metrics.py`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from prometheus_client.metrics import MetricWrapperBase

from app.observability import metrics

FILE = Path(__file__).parents[1] / "docs/metrics.md"
HEAD = """# Metrics

`GET /metrics`, in Prometheus' text format, of each process. Times are in seconds, sizes in bytes. No label names a tenant, a
document or a person. `cairn_query_stage_duration_seconds` has the stages of an answer's `timings_ms`. What counts rows or
files (`cairn_documents`, `cairn_index_*`, `cairn_store_bytes`, `cairn_journal_*`) is looked at once a minute; what several
processes see of the same database is the same in each of them: take it once (`max`). Beside these there are `process_*` and
`python_info` of the server's own process. The scrape job is to be called `cairn`, as alerts and dashboards name it. What is
known of the graphics card is what Ollama says of models on it; its temperature and utilisation are for NVIDIA's DCGM
exporter.

| metric | type | labels | what it says |
|---|---|---|---|
"""


def rendered() -> str:
    """Written by `scripts/make_metrics.py`, in the order of app/observability/metrics.py."""
    rows = []
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            name = f"{metric._name}_total" if metric._type == "counter" else metric._name
            labels = ", ".join(metric._labelnames)
            rows.append(f"| `{name}` | {metric._type} | {labels} | {metric._documentation} |\n")
    return HEAD + "".join(rows)


if __name__ == "__main__":
    FILE.write_text(rendered())
