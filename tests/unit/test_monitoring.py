"""Alerts and dashboards speak of metrics that there are, runbooks that can be read, and alerts fire when they should."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.observability.metrics import REGISTRY

ROOT = Path(__file__).parents[2]
RULES = ROOT / "monitoring/rules.yml"
DASHBOARDS = sorted((ROOT / "monitoring/grafana/dashboards").glob("*.json"))
SUFFIX = re.compile(r"_(total|bucket|count|sum|created)$")


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in rules())
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            yield from (target["expr"] for target in panel["targets"])


def test_every_metric_that_is_asked_for_is_exported() -> None:
    exported = {SUFFIX.sub("", metric.name) for metric in REGISTRY.collect()}
    asked = {SUFFIX.sub("", name) for each in expressions() for name in re.findall(r"\b(?:cairn|process)_\w+", each)}
    assert len(asked) > 15
    assert asked <= exported, asked - exported


def test_every_alert_has_a_runbook() -> None:
    headings = re.findall(r"^### (.+)$", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
    anchors = {f"docs/operations.md#{heading.lower().replace(' ', '-')}" for heading in headings}
    wanted = {rule["annotations"]["runbook"] for rule in rules() if "alert" in rule}
    assert wanted == anchors


def test_alerts_fire_when_they_should() -> None:
    if shutil.which("promtool") is None:
        pytest.skip("no promtool (Debian: prometheus)")
    for command in (["check", "rules", "rules.yml"], ["test", "rules", "rules_test.yml"]):
        done = subprocess.run(["promtool", *command], cwd=RULES.parent, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    tested = {
        case["alertname"]
        for test in yaml.safe_load((RULES.parent / "rules_test.yml").read_text())["tests"]
        for case in test["alert_rule_test"]
        if case["exp_alerts"]
    }
    assert tested == {rule["alert"] for rule in rules() if "alert" in rule}
