"""The manifests are what Kubernetes takes, run nothing as root or without limits, and name settings that there are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from app.settings import Settings

K8S = Path(__file__).parents[2] / "k8s"
BASE = K8S / "base"
OVERLAYS = sorted(path.parent for path in (K8S / "overlays").glob("*/kustomization.yaml"))
RELEASE = "1.34"
SELDOM_SCHEMAS = {"ScaledObject", "Kustomization"}  # not Kubernetes' own
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


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    for each in ALL:
        if "template" in each.get("spec", {}):
            yield f"{each['kind']} {each['metadata']['name']}", each["spec"]["template"]["spec"]


PODS = dict(pods())


@pytest.mark.parametrize("resource", ALL, ids=lambda each: f"{each['kind']} {each['metadata']['name']}")
def test_kubernetes_takes_it(resource: dict[str, Any]) -> None:
    if resource["kind"] not in SELDOM_SCHEMAS:
        kubernetes_validate.validate(resource, RELEASE, strict=True)


def test_every_manifest_is_used() -> None:
    listed = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]
    assert {path.name for path in BASE.glob("*.yaml")} == {"kustomization.yaml", *listed}


@pytest.mark.parametrize("name", PODS)
def test_nothing_runs_as_root_without_limits_or_unwatched(name: str) -> None:
    pod = PODS[name]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        context = container["securityContext"]
        assert (context["allowPrivilegeEscalation"], context["readOnlyRootFilesystem"]) == (False, True)
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert {"cpu", "memory"} <= set(container["resources"]["limits"]) & set(container["resources"]["requests"])
        assert re.search(r":v?\d+\.\d+", container["image"]), "a version, not latest"
        if not name.startswith("Job "):
            assert "readinessProbe" in container
            assert "livenessProbe" in container
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        claimed = {volume["name"] for volume in pod.get("volumes", ())} | {"data"}
        assert mounted <= claimed


def test_services_choose_pods_that_there_are_and_are_not_reached_from_outside() -> None:
    labelled = [each["spec"]["template"]["metadata"]["labels"] for each in ALL if "template" in each.get("spec", {})]
    for each in ALL:
        if each["kind"] == "Service":
            assert any(each["spec"]["selector"].items() <= labels.items() for labels in labelled)
            assert each["spec"].get("type", "ClusterIP") == "ClusterIP"
    (ingress,) = [each for each in ALL if each["kind"] == "Ingress"]
    paths = [path for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]]
    assert {path["backend"]["service"]["name"] for path in paths} == {"api"}
    assert not {"/", "/api", "/api/inngest", "/metrics"} & {path["path"] for path in paths}
    assert ingress["spec"]["tls"]


def test_nothing_is_reached_that_is_not_named() -> None:
    policies = {each["metadata"]["name"]: each["spec"] for each in ALL if each["kind"] == "NetworkPolicy"}
    assert policies["deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    text = (BASE / "network.yaml").read_text()
    assert "ipBlock" not in text
    assert "0.0.0.0" not in text


def test_settings_are_ours_and_all_that_a_cluster_needs_is_given() -> None:
    (config,) = [each for each in ALL if each["kind"] == "ConfigMap" and each["metadata"]["name"] == "cairn"]
    secret = set(re.findall(r"^([A-Z_0-9]+)=", (K8S / "overlays/on-prem/cairn.env.example").read_text(), re.MULTILINE))
    assert set(config["data"]) <= SETTINGS
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
    assert needed <= secret | set(config["data"])
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
