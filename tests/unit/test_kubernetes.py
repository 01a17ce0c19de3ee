"""The manifests are what Kubernetes takes, run nothing as root or without limits, and name settings that there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.observability.metrics import REGISTRY
from app.settings import Settings
from tests.unit.manifests import bounded, guarded, scaled, templates, undisturbed, valid

K8S = Path(__file__).parents[2] / "k8s"
BASE = K8S / "base"
OVERLAYS = sorted(path.parent for path in (K8S / "overlays").glob("*/kustomization.yaml"))
SETTINGS = {
    str(field.validation_alias) if field.validation_alias else f"CAIRN_{name.upper()}"
    for name, field in Settings.model_fields.items()
}
FOR_STORES = {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "INNGEST_POSTGRES_URI", "INNGEST_REDIS_URI"}


def resources(folder: Path) -> list[dict[str, Any]]:
    named = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    return [
        each for name in named if name.endswith(".yaml") for each in yaml.safe_load_all((folder / name).read_text())
    ]


ALL = resources(BASE)


PODS = {name: template["spec"] for name, template in templates(ALL)}


@pytest.mark.parametrize("resource", ALL, ids=lambda each: f"{each['kind']} {each['metadata']['name']}")
def test_kubernetes_takes_it(resource: dict[str, Any]) -> None:
    valid(resource)


def test_every_manifest_is_used() -> None:
    listed = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]
    assert {path.name for path in BASE.glob("*.yaml")} == {"kustomization.yaml", *listed}


@pytest.mark.parametrize("name", PODS)
def test_nothing_runs_as_root_without_limits_or_unwatched(name: str) -> None:
    bounded(name, PODS[name])


def test_services_choose_pods_that_there_are_and_are_not_reached_from_outside() -> None:
    labelled = [template["metadata"]["labels"] for _, template in templates(ALL)]
    for each in ALL:
        if each["kind"] == "Service":
            assert any(each["spec"]["selector"].items() <= labels.items() for labels in labelled)
            assert each["spec"].get("type", "ClusterIP") == "ClusterIP"
    (ingress,) = [each for each in ALL if each["kind"] == "Ingress"]
    paths = [path for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]]
    assert {path["backend"]["service"]["name"] for path in paths} == {"api"}
    assert not {"/api", "/api/inngest", "/metrics"} & {path["path"] for path in paths}
    assert {path["pathType"] for path in paths if path["path"] == "/"} == {"Exact"}  # the console's page, and no more
    assert {"/v1", "/mcp"} <= {path["path"] for path in paths}
    assert ingress["spec"]["tls"]


def test_nothing_is_reached_that_is_not_named() -> None:
    policies = {each["metadata"]["name"]: each["spec"] for each in ALL if each["kind"] == "NetworkPolicy"}
    assert policies["deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    guarded(ALL)
    text = (BASE / "network.yaml").read_text()
    assert "ipBlock" not in text
    assert "0.0.0.0" not in text


def test_what_runs_more_than_once_is_scaled_by_what_is_measured_and_drained_one_by_one() -> None:
    scaled(ALL, {family.name for family in REGISTRY.collect()})
    undisturbed(ALL)


def test_settings_are_ours_and_all_that_a_cluster_needs_is_given() -> None:
    config = set(re.findall(r"^([A-Z_0-9]+)=", (BASE / "config.env").read_text(), re.MULTILINE))
    secret = set(re.findall(r"^([A-Z_0-9]+)=", (K8S / "overlays/on-prem/cairn.env.example").read_text(), re.MULTILINE))
    assert config <= SETTINGS
    assert secret - FOR_STORES <= SETTINGS
    wanted = (
        "DATABASE_URL",
        "REDIS_URL",
        "CHROMA_URL",
        "BLOB_URL",
        "BLOB_ACCESS_KEY",
        "BLOB_SECRET_KEY",
        "SIGNING_KEY",
    )
    needed = {f"CAIRN_{name}" for name in wanted}
    needed |= {"INNGEST_BASE_URL", "INNGEST_EVENT_KEY", "INNGEST_SIGNING_KEY", "INNGEST_SERVE_ORIGIN"}
    assert needed <= secret | config
    named = set(re.findall(r"key: ([A-Z_]+)", "".join(path.read_text() for path in BASE.glob("*.yaml"))))
    assert named <= secret


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.name)
def test_an_overlay_changes_what_the_base_has(overlay: Path) -> None:
    kustomization = yaml.safe_load((overlay / "kustomization.yaml").read_text())
    assert kustomization["resources"] == ["../../base"]
    there = {(each["kind"], each["metadata"]["name"]) for each in ALL}
    for patch in kustomization["patches"]:
        if "path" in patch:
            for each in yaml.safe_load_all((overlay / patch["path"]).read_text()):
                assert (each["kind"], each["metadata"]["name"]) in there
        else:
            assert (patch["target"]["kind"], patch["target"]["name"]) in there
