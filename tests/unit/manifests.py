"""What Kubernetes' manifests must be, whoever put them together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import kubernetes_validate

RELEASE = "1.34"
NOT_KUBERNETES_OWN = {"ScaledObject"}

Resource = dict[str, Any]


def valid(resource: Resource) -> None:
    """Against the schemas of a release of Kubernetes, unknown fields refused."""
    if resource["kind"] not in NOT_KUBERNETES_OWN:
        kubernetes_validate.validate(resource, RELEASE, strict=True)


def templates(resources: Sequence[Resource]) -> Iterator[tuple[str, Resource]]:
    """(kind and name, template of the pod) of everything that runs."""
    for each in resources:
        spec = each.get("spec", {})
        spec = spec["jobTemplate"]["spec"] if each["kind"] == "CronJob" else spec
        if "template" in spec:
            yield f"{each['kind']} {each['metadata']['name']}", spec["template"]


def bounded(name: str, pod: Resource) -> None:
    """Not root, nothing written but volumes, limits, a version, watched."""
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in [*pod["containers"], *pod.get("initContainers", ())]:
        context = container["securityContext"]
        assert (context["allowPrivilegeEscalation"], context["readOnlyRootFilesystem"]) == (False, True)
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert {"cpu", "memory"} <= set(container["resources"]["limits"]) & set(container["resources"]["requests"])
        assert re.search(r":v?\d+\.\d+", container["image"]), "a version, not latest"
        if not name.startswith(("Job ", "CronJob ")):
            assert "readinessProbe" in container
            assert "livenessProbe" in container
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        claimed = {volume["name"] for volume in pod.get("volumes", ())} | {"data"}
        assert mounted <= claimed


def scaled(resources: Sequence[Resource], metrics: set[str]) -> None:
    """What KEDA takes (keda.sh/docs, ScaledObject and its Prometheus scaler), about a deployment and metrics that there are."""
    deployments = {each["metadata"]["name"]: each["spec"] for each in resources if each["kind"] == "Deployment"}
    by_hpa = [each["spec"]["scaleTargetRef"]["name"] for each in resources if each["kind"] == "HorizontalPodAutoscaler"]
    objects = [each for each in resources if each["kind"] == "ScaledObject"]
    assert objects
    for each in objects:
        spec = each["spec"]
        assert each["apiVersion"] == "keda.sh/v1alpha1"
        assert set(spec) <= {"scaleTargetRef", "minReplicaCount", "maxReplicaCount", "cooldownPeriod", "triggers"}
        target = spec["scaleTargetRef"]["name"]
        assert target in deployments
        assert target not in by_hpa, "two would pull at it"
        assert 1 <= spec["minReplicaCount"] <= spec["maxReplicaCount"]
        for trigger in spec["triggers"]:
            assert trigger["type"] == "prometheus"
            assert {"serverAddress", "query", "threshold"} == set(trigger["metadata"])
            assert all(isinstance(value, str) for value in trigger["metadata"].values())
            assert float(trigger["metadata"]["threshold"]) > 0
            named = set(re.findall(r"\b(\w+)\{", trigger["metadata"]["query"]))
            assert named
            assert named <= metrics
    for name in [*by_hpa, *(each["spec"]["scaleTargetRef"]["name"] for each in objects)]:
        assert "replicas" not in deployments[name], "each apply would undo what the scaler did"


def guarded(resources: Sequence[Resource]) -> None:
    """Everything that runs is named by a policy of its own, both ways, beside those that are for all."""
    policies = [
        each["spec"] for each in resources if each["kind"] == "NetworkPolicy" and each["spec"]["podSelector"] != {}
    ]
    for name, template in templates(resources):
        labels = template["metadata"]["labels"]
        own = [spec for spec in policies if spec["podSelector"]["matchLabels"].items() <= labels.items()]
        assert {way for spec in own for way in spec["policyTypes"]} == {"Ingress", "Egress"}, name


def undisturbed(resources: Sequence[Resource]) -> None:
    """Of what runs more than once, a drain of nodes takes one at a time. (For what runs once, a budget would forbid all.)"""
    budgets = {
        each["spec"]["selector"]["matchLabels"]["app"] for each in resources if each["kind"] == "PodDisruptionBudget"
    }
    several = {
        each["spec"]["scaleTargetRef"]["name"]
        for each in resources
        if each["kind"] in ("HorizontalPodAutoscaler", "ScaledObject")
    }
    assert several
    assert several <= budgets
