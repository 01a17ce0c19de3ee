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
from prometheus_client import generate_latest

from app.observability.metrics import REGISTRY
from scripts import make_dashboards, make_metrics

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


def test_metrics_are_named_as_prometheus_wants_them() -> None:
    """Its own rules of naming: promtool reads what /metrics gives."""
    if shutil.which("promtool") is None:
        pytest.skip("no promtool (Debian: prometheus)")
    text = generate_latest(REGISTRY).decode()
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    ours = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("cairn_")]
    assert ours == []


def test_no_label_could_have_a_value_for_each_tenant_document_or_person() -> None:
    labels = {label for metric in REGISTRY.collect() for sample in metric.samples for label in sample.labels}
    assert not labels & {"tenant", "tenant_id", "user", "document_id", "version_id", "job_id", "question", "path"}


def test_prometheus_asks_the_pods_that_there_are() -> None:
    """By the labels and ports of k8s/, under the names that rules and dashboards know. (Debian's promtool has no Kubernetes.)"""
    pods = [
        {f"__meta_kubernetes_pod_label_{name}": value for name, value in pod["metadata"]["labels"].items()}
        | {"__meta_kubernetes_pod_container_port_number": str(port["containerPort"])}
        for path in (ROOT / "k8s/base").glob("*.yaml")
        for each in yaml.safe_load_all(path.read_text())
        if (pod := each.get("spec", {}).get("template", {})) and "metadata" in pod
        for container in pod["spec"]["containers"]
        for port in container.get("ports", ())
    ]
    asked = {}
    for job in yaml.safe_load((RULES.parent / "prometheus-kubernetes.yml").read_text())["scrape_configs"]:
        keeps = [rule for rule in job["relabel_configs"] if rule.get("action") == "keep"]
        asked[job["job_name"]] = {
            pod["__meta_kubernetes_pod_label_app"]
            for pod in pods
            if all(re.fullmatch(rule["regex"], pod.get(rule["source_labels"][0], "")) for rule in keeps)
        }
    assert asked == {"cairn": {"api", "worker"}, "inngest": {"inngest"}}


def test_the_list_of_metrics_is_current() -> None:
    assert make_metrics.FILE.read_text() == make_metrics.rendered(), "scripts/make_metrics.py writes it"


def test_the_dashboards_are_current() -> None:
    for name, text in make_dashboards.rendered().items():
        assert (make_dashboards.FOLDER / name).read_text() == text, "scripts/make_dashboards.py writes them"
    assert {f"{path.stem}.json" for path in DASHBOARDS} == set(make_dashboards.rendered())


def test_every_alert_has_a_runbook() -> None:
    headings = re.findall(r"^### (.+)$", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
    anchors = {f"docs/operations.md#{heading.lower().replace(' ', '-')}" for heading in headings}
    wanted = {rule["annotations"]["runbook"] for rule in rules() if "alert" in rule}
    assert wanted == anchors


def test_alerts_fire_when_they_should() -> None:
    if shutil.which("promtool") is None:
        pytest.skip("no promtool (Debian: prometheus)")
    for command in (["check", "config", "prometheus.yml"], ["test", "rules", "rules_test.yml"]):
        done = subprocess.run(["promtool", *command], cwd=RULES.parent, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    tested = {
        case["alertname"]
        for test in yaml.safe_load((RULES.parent / "rules_test.yml").read_text())["tests"]
        for case in test["alert_rule_test"]
        if case["exp_alerts"]
    }
    assert tested == {rule["alert"] for rule in rules() if "alert" in rule}
