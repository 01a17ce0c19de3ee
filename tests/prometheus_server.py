"""Debian's Prometheus on a free port, with the scrape configuration of monitoring/ pointed at servers of a test."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.e2e.engine import free_port

MONITORING = Path(__file__).parents[1] / "monitoring"
SCRAPE_S = 1
_START_TIMEOUT_S = 60


def installed() -> bool:
    return shutil.which("prometheus") is not None


@dataclass(frozen=True)
class Prometheus:
    http: httpx.Client

    def series(self, expression: str, start: float, end: float, step_s: float) -> list[dict[str, Any]]:
        """What a panel draws over that time: each series with its values (time, number as text)."""
        return self._data("/api/v1/query_range", query=expression, start=start, end=end, step=step_s)["result"]

    def now(self, expression: str) -> list[dict[str, Any]]:
        return self._data("/api/v1/query", query=expression)["result"]

    def label_values(self, selector: str, label: str) -> list[str]:
        values = self._data(f"/api/v1/label/{label}/values", **{"match[]": selector})
        return [str(value) for value in values]

    def _data(self, path: str, **parameters: Any) -> Any:
        answer = self.http.get(path, params=parameters).json()
        assert answer["status"] == "success", (parameters, answer)
        return answer["data"]


@contextmanager
def running(folder: Path, targets: Mapping[str, str]) -> Iterator[Prometheus]:
    """Scrapes each job of monitoring/prometheus.yml at the target given for it; jobs without one are left out."""
    config = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": f"{SCRAPE_S}s", "evaluation_interval": f"{SCRAPE_S}s"}
    config["rule_files"] = [str(MONITORING / name) for name in config["rule_files"]]
    jobs = [job for job in config["scrape_configs"] if job["job_name"] in targets]
    assert {job["job_name"] for job in jobs} == set(targets)
    for job in jobs:
        job["static_configs"] = [{"targets": [targets[job["job_name"]]]}]
    config["scrape_configs"] = jobs
    folder.mkdir(parents=True)
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_port()}"
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://{address}", timeout=30, trust_env=False, verify=False) as http:
            _until_ready(http, process, folder / "log")
            yield Prometheus(http)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _until_ready(http: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-4_000:]
        try:
            if http.get("/-/ready").status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"Prometheus did not become ready:\n{log.read_text()[-4_000:]}")
