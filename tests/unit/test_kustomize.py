"""The overlays as kustomize renders them. Where there is no kustomize, tests/unit/test_kubernetes.py alone looks at them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from app.observability.metrics import REGISTRY
from tests.unit.manifests import Resource, bounded, guarded, scaled, templates, undisturbed, valid

K8S = Path(__file__).parents[2] / "k8s"
OVERLAYS = sorted(path.parent.name for path in (K8S / "overlays").glob("*/kustomization.yaml"))
PROGRAM = ["kustomize", "build"] if shutil.which("kustomize") else ["kubectl", "kustomize"]
METRICS = {sample.name for family in REGISTRY.collect() for sample in family.samples} | {
    family.name for family in REGISTRY.collect()
}

pytestmark = pytest.mark.skipif(
    shutil.which(PROGRAM[0]) is None, reason="no kustomize or kubectl on PATH: the overlays were not rendered"
)


@pytest.fixture(scope="module", params=OVERLAYS)
def rendered(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Resource]:
    """With the secrets of the examples."""
    copy = tmp_path_factory.mktemp("k8s") / "k8s"
    shutil.copytree(K8S, copy)
    examples, overlay = copy / "overlays/on-prem", copy / "overlays" / request.param
    shutil.copy(examples / "cairn.env.example", overlay / "cairn.env")
    shutil.copy(examples / "s3.json.example", overlay / "s3.json")
    done = subprocess.run([*PROGRAM, str(overlay)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr.lower()
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def test_kubernetes_takes_every_overlay(rendered: list[Resource]) -> None:
    assert len(rendered) > 30
    for each in rendered:
        valid(each)
        assert each["kind"] == "Namespace" or each["metadata"]["namespace"] == "cairn"
    named = [(each["kind"], each["metadata"]["name"]) for each in rendered]
    assert len(named) == len(set(named))


def test_what_runs_is_bounded_guarded_and_scaled(rendered: list[Resource]) -> None:
    for name, template in templates(rendered):
        bounded(name, template["spec"])
    guarded(rendered)
    scaled(rendered, METRICS)
    undisturbed(rendered)


def test_every_name_that_is_referred_to_is_there(rendered: list[Resource]) -> None:
    """Generated names end in a hash, and what uses them must follow."""
    text = json.dumps([template for _, template in templates(rendered)])
    there = {kind: {each["metadata"]["name"] for each in rendered if each["kind"] == kind} for kind in _REFERENCES}
    for kind, pattern in _REFERENCES.items():
        named = set(re.findall(pattern, text))
        assert named
        assert named <= there[kind]
    assert any(re.fullmatch(r"cairn-[a-z0-9]{10}", name) for name in there["ConfigMap"])
    assert any(re.fullmatch(r"cairn-[a-z0-9]{10}", name) for name in there["Secret"])
    services = {each["metadata"]["name"] for each in rendered if each["kind"] == "Service"}
    (ingress,) = [each for each in rendered if each["kind"] == "Ingress"]
    assert {
        path["backend"]["service"]["name"] for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]
    } == {"api"}
    assert "api" in services


_REFERENCES = {
    "ConfigMap": r'"(?:configMapRef|configMap)": \{"name": "([^"]+)"',
    "Secret": r'"(?:secretRef": \{"name|secretName|secretKeyRef": \{"key": "[A-Z_]+", "name)": "([^"]+)"',
    "PersistentVolumeClaim": r'"claimName": "([^"]+)"',
}
