#!/usr/bin/env python
"""Writes Grafana's dashboards (monitoring/grafana/) from monitoring/dashboards.yml: `scripts/make_dashboards.py`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

MONITORING = Path(__file__).parents[1] / "monitoring"
FOLDER = MONITORING / "grafana/dashboards"
PROMETHEUS = {"type": "prometheus", "uid": "prometheus"}
WIDTH, HEIGHT, PANEL_WIDTH = 24, 8, 8
INSTANCES = {
    "name": "instance",
    "label": "Process",
    "type": "query",
    "datasource": PROMETHEUS,
    "query": {"query": 'label_values(up{job="cairn"}, instance)', "refId": "instance"},
    "refresh": 2,
    "includeAll": True,
    "multi": True,
    "current": {"text": "All", "value": "$__all"},
}


def dashboard(uid: str, title: str, panels: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "uid": f"cairn-{uid}",
        "title": title,
        "tags": ["cairn"],
        "timezone": "browser",
        "schemaVersion": 41,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [INSTANCES]},
        "annotations": {"list": []},
        "panels": _placed(panels),
    }


def _placed(panels: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    placed, x, y = [], 0, 0
    for number, panel in enumerate(panels, 1):
        width = panel.get("width", PANEL_WIDTH)
        if x + width > WIDTH:
            x, y = 0, y + HEIGHT
        placed.append(_panel(number, panel, {"x": x, "y": y, "w": width, "h": HEIGHT}))
        x += width
    return placed


def _panel(number: int, panel: Mapping[str, Any], place: Mapping[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "title": panel["title"],
        "description": panel.get("says", ""),
        "type": "timeseries",
        "datasource": PROMETHEUS,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel["unit"]}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}},
        "targets": [
            {"refId": letter, "expr": expression, "legendFormat": legend, "datasource": PROMETHEUS}
            for letter, (legend, expression) in zip("ABCDEF", panel["queries"].items(), strict=False)
        ],
    }


def rendered() -> dict[str, str]:
    """What each file is to hold, by its name."""
    wanted = yaml.safe_load((MONITORING / "dashboards.yml").read_text())
    return {
        f"{uid}.json": json.dumps(dashboard(uid, each["title"], each["panels"]), indent=1, ensure_ascii=False) + "\n"
        for uid, each in wanted.items()
    }


if __name__ == "__main__":
    for name, text in rendered().items():
        (FOLDER / name).write_text(text)
