"""A collection is measured with golden questions, compared with itself, and told when to be silent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.server import KEY, ROOT, Server, finished, running, upload

GOLDEN = [
    {
        "question": "How many days of paid leave do employees get each year?",
        "answer": "28 days",
        "evidence": [{"page": 1}],
    },
    {"question": "How many days can be carried over into the next year?", "answer": "7", "evidence": [{"page": 1}]},
    {"question": "How many nights in a row do night observers work?", "answer": "five", "evidence": [{"page": 1}]},
    {"question": "How long is parental leave?", "answer": "fourteen months", "evidence": [{"page": 1}]},
    {"question": "Which enzyme unwinds the double helix?", "answerable": False},
    {"question": "What was the revenue of Tesla in 1987?", "answerable": False},
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("data")) as started:
        yield started


@pytest.fixture(scope="module")
def golden(server: Server, handbook: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The set's file; the handbook is in the default collection, and the set is its golden set."""
    path = tmp_path_factory.mktemp("golden") / "golden.jsonl"
    for line in GOLDEN:
        for place in line.get("evidence", ()):  # type: ignore[attr-defined]
            place["document"] = handbook.name
    path.write_text("".join(json.dumps(line) + "\n" for line in GOLDEN))
    with server.client() as client:
        finished(client, upload(client, handbook)["job_id"])
        client.put("/v1/collections/default/golden", content=path.read_bytes()).raise_for_status()
    return path


def _cairn(server: Server, *arguments: str) -> str:
    at = {"CAIRN_URL": server.url, "CAIRN_API_KEY": KEY, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    command = [sys.executable, "-m", "app.cli", *arguments]
    done = subprocess.run(command, env=os.environ | at, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _json(server: Server, *arguments: str) -> Any:
    return json.loads(_cairn(server, *arguments, "--json"))


def test_a_set_is_asked_and_scored(server: Server, golden: Path) -> None:
    run = _json(server, "evaluate", str(golden))
    scores = run["scores"]
    assert scores["questions"] == len(GOLDEN) == len(run["results"])
    assert scores["recall@5"] == scores["abstained"] == scores["grounded"] == 1
    assert scores["answered"] >= 0.75
    assert scores["correct"] >= 0.5
    assert scores["citation_precision"] > 0.5
    again = _json(server, "evaluate")  # the collection's own
    same = _json(server, "evaluate", "--compare", run["id"], again["id"])
    assert (same["recall@5"]["before"], same["recall@5"]["p"]) == (1, 1)
    with server.client() as client:
        metrics = client.get("/metrics").text
    assert 'measure="recall@5"} 1.0' in metrics


def test_a_calibrated_collection_answers_from_its_threshold_on(server: Server, golden: Path) -> None:
    assert "answers from a confidence of" in _cairn(server, "golden", "calibrate", "default", "--risk", "0.4")
    with server.client() as client:
        calibration = client.get("/v1/collections/default").json()["answering"]["calibration"]
        assert calibration["questions"] == len(GOLDEN)
        answers = [
            client.post("/v1/query", json={"query": line["question"], "stream": False}).json() for line in GOLDEN
        ]
        assert all(answer["abstained"] == (answer["confidence"] < calibration["threshold"]) for answer in answers)
        gone = client.patch("/v1/collections/default/answering", json={"calibration": None}).raise_for_status().json()
        assert gone["answering"]["calibration"] is None


def test_what_cannot_be_measured_is_refused(server: Server, golden: Path) -> None:
    with server.client() as client:

        def refused(**body: object) -> tuple[int, str]:
            answer = client.post("/v1/evaluations", json=body)
            return answer.status_code, answer.json()["code"]

        assert refused(collection="nowhere") == (404, "collection_not_found")
        assert refused(questions="{") == (400, "invalid_golden_set")
        assert refused(calibrate={"risk": 0.1}) == (409, "golden_set_too_small")
        assert refused(calibrate={"risk": 2})[0] == 422
        assert client.get("/v1/evaluations/evl_0").status_code == 404
        client.post("/v1/collections", json={"name": "bare"}).raise_for_status()
        assert refused(collection="bare") == (400, "nothing_to_evaluate")


def test_a_reader_measures_nothing(server: Server, golden: Path) -> None:
    with server.client(None) as nobody:
        assert nobody.post("/v1/evaluations", json={}).status_code == 401


def test_a_run_is_seen_by_who_asked_for_it(server: Server, golden: Path) -> None:
    """Its scores were made from what that person may read."""
    run = _json(server, "evaluate", str(golden))
    with server.client() as client:
        body = {"name": "cora", "user": "cora", "roles": ["collection_admin"]}
        made = client.post("/v1/admin/keys", json=body).json()
        assert client.get(f"/v1/evaluations/{run['id']}").status_code == 200
    with server.client(made["secret"]) as other:
        refused = other.get(f"/v1/evaluations/{run['id']}")
        assert (refused.status_code, refused.json()["code"]) == (404, "evaluation_not_found")
        listed = other.get("/v1/evaluations").json()["evaluations"]
        assert run["id"] not in {each["id"] for each in listed}
