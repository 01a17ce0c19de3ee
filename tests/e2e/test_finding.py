"""What an operator sets, and whom a question is put to: a glossary, a reranker, several collections."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.server import ROOT, finished, running, upload
from tests.fakes import cross_encoder

LEAVE, PUMP = "Employees get 28 days of paid leave each year.", "The kestrel pump is inspected every nine weeks."
BOTH = {"collections": ["staff", "works"], "stream": False}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("operator")
    (folder / "glossary.txt").write_text("blue device: kestrel pump")
    model = cross_encoder.write(folder / "reranker", {"kestrel": 2.0, "leave": 2.0, "device": -1.0})
    settings = {"CAIRN_GLOSSARY": str(folder / "glossary.txt"), "CAIRN_RERANKER_DIR": str(model)}
    with running(tmp_path_factory.mktemp("data"), **settings) as server, server.client() as http:
        for collection, text in (("staff", LEAVE), ("works", PUMP)):
            http.post("/v1/collections", json={"name": collection}).raise_for_status()
            note = folder / f"{collection}.md"
            note.write_text(f"# Notes\n\n{text}\n\n# Others\n\nThe device room is locked at night.\n")
            finished(http, upload(http, note, collection=collection)["job_id"])
        yield http


def _found(client: httpx.Client, question: str, **where: Any) -> list[str]:
    found = client.post("/v1/search", json={"query": question, **where}).raise_for_status().json()
    assert found["degraded"] == []
    return [each["text"] for each in found["passages"]]


def test_an_operators_words_and_model_decide_what_comes_first(client: httpx.Client) -> None:
    assert PUMP in _found(client, "How often does somebody look at the blue device?", collection="works")[0]
    reranker = client.get("/readyz").json()["dependencies"]["reranker"]
    assert reranker == "ok"


def test_several_collections_answer_together_and_the_record_says_so(client: httpx.Client) -> None:
    assert LEAVE in _found(client, "How many days of paid leave?", collections=["works", "staff"])[0]
    answer = client.post("/v1/query", json={"query": "How often is the kestrel pump inspected?", **BOTH})
    assert "nine weeks" in answer.raise_for_status().json()["text"]
    id_ = answer.json()["id"]
    record = client.get(f"/v1/answers/{id_}").raise_for_status().json()
    assert record["collection"] == "staff"
    assert [each["name"] for each in record["manifest"]["also"]] == ["works"]
    assert "finding" in record["manifest"]["settings"]
    assert client.post(f"/v1/answers/{id_}/replay").raise_for_status().json()["same"]
    again = client.post("/v1/query", json={"query": "How often is the kestrel pump inspected?", **BOTH}).json()
    assert again["cache"] == "exact"
    assert (again["text"], again["citations"][0]["quote"]) == (
        answer.json()["text"],
        answer.json()["citations"][0]["quote"],
    )


@pytest.mark.parametrize("route", ["/v1/search", "/v1/query"])
def test_collections_that_cannot_be_searched_are_refused(client: httpx.Client, route: str) -> None:
    def status(**where: Any) -> tuple[int, str]:
        refused = client.post(route, json={"query": "leave?", **where})
        return refused.status_code, refused.json()["code"]

    assert status(collections=["staff", "nobody's"]) == (404, "collection_not_found")
    assert status(collections=["staff"], collection="works")[0] == 422
    assert status(collections=[])[0] == 422
    assert status(collections=[f"c{number}" for number in range(21)])[0] == 422


@pytest.mark.parametrize(
    ("text", "said"), [("no colon", "Line 1"), ("a: {b}", "is not in it"), (None, "cannot be read")]
)
def test_a_glossary_that_is_none_stops_the_start(tmp_path: Path, text: str | None, said: str) -> None:
    glossary = tmp_path / "glossary.txt"
    if text is not None:
        glossary.write_text(text)
    environment = {**os.environ, "CAIRN_GLOSSARY": str(glossary), "CAIRN_DATA_DIR": str(tmp_path / "data")}
    command = [sys.executable, "-m", "app.cli", "serve"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode != 0
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
