"""The compose file names settings that there are, gives those that are needed, and runs everything with limits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings import Settings, load

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
INNGEST = {str(field.validation_alias) for field in Settings.model_fields.values() if field.validation_alias}
VARIABLES = {
    f"CAIRN_{name.upper()}" for name, field in Settings.model_fields.items() if not field.validation_alias
} | INNGEST


def example() -> dict[str, str]:
    """The settings of .env.example, secrets filled in as it says."""
    lines = re.findall(r"^([A-Z_0-9]+)=([^#\n]*)", (ROOT / ".env.example").read_text(), re.MULTILINE)
    return {name: value.strip() or "ab" * 32 for name, value in lines}


def interpolated(value: str) -> str:
    found = example()

    def one(match: re.Match[str]) -> str:
        name, _, default = match[1].partition(":")
        return found.get(name) or default.removeprefix("-")

    return re.sub(r"\$\{([^}]+)\}", one, value)


def test_what_is_set_can_be_set() -> None:
    assert set(SERVICES["app"]["environment"]) <= VARIABLES
    ours = {name for name in example() if name.startswith(("CAIRN_", "INNGEST_")) and not name.endswith("_PUBLISH")}
    assert ours <= VARIABLES


def test_every_variable_is_explained_and_used() -> None:
    used = set(re.findall(r"\$\{([A-Z_0-9]+)", (ROOT / "docker-compose.yml").read_text())) | {"COMPOSE_PROFILES"}
    assert used == set(example())


def test_the_app_starts_with_these_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in SERVICES["app"]["environment"].items():
        monkeypatch.setenv(name, interpolated(value))
    settings = load()
    assert settings.external_engine
    assert settings.blob_url == "http://seaweedfs:8333/cairn"


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_bounded_pinned_and_without_privileges(name: str) -> None:
    service = SERVICES[name]
    image, _, tag = service["image"].rpartition(":")
    assert image
    assert re.search(r"\d+\.\d+", tag), "a version, not latest"
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"cpus", "memory"} <= set(service["deploy"]["resources"]["limits"])
    assert "privileged" not in service
    if name not in ("app", "bucket", "models"):  # the app's image has its own; the others end
        assert "test" in service["healthcheck"]


def test_nothing_is_published_but_to_this_machine_and_the_stores_have_no_way_out() -> None:
    assert COMPOSE["networks"]["back"] == {"internal": True}
    for name, service in SERVICES.items():
        for port in service.get("ports", ()):
            assert interpolated(port).startswith("127.0.0.1:"), name
    for name in ("postgres", "redis", "chroma", "seaweedfs", "ollama", "prometheus"):
        assert set(SERVICES[name]["networks"]) == {"back"}


@pytest.mark.parametrize("name", ["otel-collector.yml", "jaeger.yml"])
def test_what_takes_traces_uses_what_it_defines_and_nothing_else(name: str) -> None:
    config = yaml.safe_load((ROOT / "monitoring" / name).read_text())
    (pipeline,) = config["service"]["pipelines"].values()
    for kind in ("receivers", "processors", "exporters"):
        assert set(pipeline[kind]) == set(config[kind])
    assert set(config["service"].get("extensions", ())) == set(config.get("extensions", ()))


def test_traces_go_from_the_app_to_the_collector_to_jaeger() -> None:
    collector = yaml.safe_load((ROOT / "monitoring/otel-collector.yml").read_text())
    jaeger = yaml.safe_load((ROOT / "monitoring/jaeger.yml").read_text())
    taken = collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"].rpartition(":")[2]
    assert SERVICES["app"]["environment"]["CAIRN_OTLP_URL"] == f"http://otel-collector:{taken}"
    stored = jaeger["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"].rpartition(":")[2]
    assert collector["exporters"]["otlp/jaeger"]["endpoint"] == f"jaeger:{stored}"
    for service, file in (("otel-collector", "otel-collector.yml"), ("jaeger", "jaeger.yml")):
        (mounted,) = SERVICES[service]["volumes"]
        assert mounted.startswith(f"./monitoring/{file}:")
        assert mounted.split(":")[1] in SERVICES[service]["command"][0]


def test_what_prometheus_asks_is_a_service_on_its_network() -> None:
    config = yaml.safe_load((ROOT / "monitoring/prometheus.yml").read_text())
    for job in config["scrape_configs"]:
        for target in job["static_configs"][0]["targets"]:
            assert "back" in SERVICES[target.partition(":")[0]]["networks"]
