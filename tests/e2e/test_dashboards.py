"""Nobody opens a dashboard to find an empty panel: each query of each panel, as Grafana sends it, over a server at work."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import prometheus_server
from tests.e2e.server import finished, running, upload
from tests.fakes import ollama
from tests.fakes.ollama import FakeOllama
from tests.prometheus_server import MONITORING, SCRAPE_S, Prometheus

DASHBOARDS = sorted((MONITORING / "grafana/dashboards").glob("*.json"))
POISON = Path(__file__).parent / "poison"
STEP_S = 5
_PATIENCE_S = 120

pytestmark = pytest.mark.skipif(not prometheus_server.installed(), reason="no prometheus (Debian: prometheus)")


class Watched:
    """A server after its work, Prometheus that looked on, and the time from the first request to now."""

    def __init__(self, prometheus: Prometheus) -> None:
        self.prometheus = prometheus
        self.began = time.time()

    def drawn(self, target: dict[str, Any], variables: dict[str, str]) -> bool:
        """Whether the panel would show anything: one number is enough."""
        expression = substituted(target["expr"], variables, time.time() - self.began)
        if target.get("instant"):
            numbers = [each["value"][1] for each in self.prometheus.now(expression)]
        else:
            found = self.prometheus.series(expression, self.began, time.time(), STEP_S)
            numbers = [number for each in found for _, number in each["values"]]
        return any(math.isfinite(float(number)) for number in numbers)


def substituted(expression: str, variables: dict[str, str], range_s: float) -> str:
    """As Grafana does it: the rate's interval is four scrapes at least, or a step and a scrape."""
    builtin = {
        "__rate_interval": f"{max(STEP_S + SCRAPE_S, 4 * SCRAPE_S)}s",
        "__interval": f"{STEP_S}s",
        "__range": f"{math.ceil(range_s)}s",
        "__range_s": f"{math.ceil(range_s)}",
    }
    known = builtin | variables
    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda match: known[match[1] or match[2]], expression)


def variables_of(dashboard: dict[str, Any], prometheus: Prometheus) -> dict[str, str]:
    """Everything that each variable offers, as `All` puts it."""
    found = {}
    for variable in dashboard["templating"]["list"]:
        selector, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"]).groups()  # type: ignore[union-attr]
        found[variable["name"]] = "|".join(map(_escaped, prometheus.label_values(selector, label)))
    return found


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, handbook: Path) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("watched")
    fake = FakeOllama()
    with (
        ollama.running(fake),
        running(folder / "data", CAIRN_OLLAMA_URL=fake.url, CAIRN_RETRY_WAIT_S="0.1", PYTHONPATH=str(POISON)) as server,
        prometheus_server.running(folder / "prometheus", {"cairn": f"127.0.0.1:{server.port}"}) as prometheus,
        server.client() as client,
    ):
        watched = Watched(prometheus)
        work(client, folder, handbook, 1)
        time.sleep(3 * SCRAPE_S)  # what is counted for the first time has no rate before it is counted again
        work(client, folder, handbook, 2)
        yield watched


def _escaped(value: str) -> str:
    """For a regular expression in a string of PromQL."""
    return re.escape(value).replace("\\", "\\\\")


def work(client: httpx.Client, folder: Path, handbook: Path, time_: int) -> None:
    """What people do in a day: each thing that can be counted happens."""
    book = folder / f"handbook-{time_}.pdf"
    book.write_bytes(handbook.read_bytes() + b"%" * time_)
    note = folder / f"note-{time_}.md"
    note.write_text(f"# Note {time_}\n\nThe canteen opens at {time_} o'clock and serves soup to everybody who asks.\n")
    bad = folder / f"bad-{time_}.md"
    bad.write_text(f"# POISON: die\n\nWhoever reads this for the {time_}. time dies.\n")
    cut = {"file": ("cut.pdf", b"%PDF-1.7\nand no more")}
    assert client.post("/v1/documents", files=cut).status_code == httpx.codes.UNPROCESSABLE_ENTITY
    kept, gone, lost = (upload(client, path) for path in (book, note, bad))
    finished(client, kept["job_id"])
    finished(client, gone["job_id"])
    finished(client, lost["job_id"], "failed")
    client.post(f"/v1/jobs/{lost['job_id']}/retry").raise_for_status()
    finished(client, lost["job_id"], "failed")
    asked = f"How many days of paid leave do employees receive in year {time_}?"
    answers = [client.post("/v1/query", json={"query": asked, "stream": False}).json() for _ in range(2)]
    client.post("/v1/query", json={"query": "When does the canteen open?", "stream": False}).raise_for_status()
    client.post("/v1/search", json={"query": asked}).raise_for_status()
    client.post("/v1/feedback", json={"answer_id": answers[0]["id"], "thumb": "up"}).raise_for_status()
    assert client.get("/v1/documents/doc_none").status_code == 404
    deletion = client.delete(f"/v1/documents/{gone['document_id']}")
    assert deletion.status_code == 202, deletion.text
    finished(client, deletion.json()["job_id"])


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_no_panel_is_empty(watched: Watched, path: Path) -> None:
    dashboard = json.loads(path.read_text())
    wanted = [(panel["title"], target) for panel in dashboard["panels"] for target in panel.get("targets", ())]
    assert wanted
    deadline = time.monotonic() + _PATIENCE_S
    while empty := [each for each in wanted if not watched.drawn(each[1], variables_of(dashboard, watched.prometheus))]:
        wanted = empty
        if time.monotonic() > deadline:
            pytest.fail("\n".join(f"{title}: {target['expr']}" for title, target in empty))
        time.sleep(SCRAPE_S)


def test_an_empty_panel_would_be_found(watched: Watched) -> None:
    for expression in (
        "cairn_no_such_metric",
        "rate(cairn_http_requests_total[$__rate_interval]) > 1e9",
        "0 / vector(0)",
    ):
        assert not watched.drawn({"expr": expression}, {})


def test_requests_are_counted_under_the_whole_template_of_their_route(watched: Watched) -> None:
    routes = set(watched.prometheus.label_values("cairn_http_requests_total", "route"))
    assert {"/v1/query", "/v1/search", "/v1/documents", "/v1/jobs/{job_id}/retry", "/v1/feedback"} <= routes


def test_the_rules_are_evaluated_on_what_is_scraped(watched: Watched) -> None:
    found = watched.prometheus.http.get("/api/v1/rules").json()["data"]["groups"]
    health = {rule["name"]: rule["health"] for group in found for rule in group["rules"]}
    assert health
    assert set(health.values()) == {"ok"}, health
