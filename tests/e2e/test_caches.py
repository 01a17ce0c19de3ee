"""What a person and an operator see of the caches, on the real server."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from scripts.bench.http_clients import ask_for
from tests.e2e.server import KEY, Server, events, finished, upload

QUERY = {"query": "How many days of paid leave do employees get?"}
WHOLE = QUERY | {"stream": False}
OTHER_WORDS = WHOLE | {"query": "Please tell me how many days of paid leave employees get."}
SECRET = "quokkatronical"


def _ask(client: httpx.Client, body: dict[str, Any], path: str = "/v1/query") -> tuple[str, dict[str, Any]]:
    response = client.post(path, json=body)
    assert response.status_code == 200, response.text
    return response.headers["x-cairn-cache"], dict(response.json())


def test_it_is_said_what_served_an_answer(client: httpx.Client, ingested: dict[str, str]) -> None:
    served, first = _ask(client, WHOLE)
    assert (served, first["cache"]) == ("none", "none")
    served, again = _ask(client, WHOLE)
    assert (served, again["cache"]) == ("exact", "exact")
    assert again["citations"] == first["citations"] != []
    served, alike = _ask(client, OTHER_WORDS)
    assert (served, alike["cache"], alike["text"]) == ("semantic", "semantic", first["text"])
    with client.stream("POST", "/v1/query", json=QUERY) as streamed:
        assert streamed.headers["x-cairn-cache"] == "exact"
    names = [name for name, _, _ in events(client, "POST", "/v1/query", json=QUERY)]
    assert (names[0], names[-1]) == ("passages", "answer")
    assert {"citation", "delta"} <= set(names)
    assert [_ask(client, QUERY, "/v1/search")[0] for _ in range(2)][1] == "retrieval"
    metrics = client.get("/metrics").text
    assert 'cairn_cache_lookups_total{cache="answers",outcome="hit"}' in metrics
    assert 'cairn_cache_bytes{cache="answers"}' in metrics


def test_an_operator_sees_and_clears_it(client: httpx.Client, ingested: dict[str, str]) -> None:
    _ask(client, WHOLE)
    levels = {level["name"]: level for level in client.get("/v1/admin/caches").json()["levels"]}
    assert set(levels) == {"embeddings", "results", "answers"}
    assert all(0 < level["bytes"] < level["limit_bytes"] for level in levels.values())
    assert client.delete("/v1/admin/caches").json()["removed"] > 0
    assert _ask(client, WHOLE)[0] == "none"


def test_a_deleted_document_leaves_no_byte_in_it(server: Server, client: httpx.Client, tmp_path: Path) -> None:
    path = tmp_path / "note.md"
    path.write_text(f"# Zebra rules\n\nThe {SECRET} zebra is fed at nine in the morning by the night keeper.\n")
    document = upload(client, path)
    finished(client, document["job_id"])
    question = {"query": "When is the zebra fed by the night keeper?", "stream": False}
    assert SECRET in _ask(client, question)[1]["text"]
    assert _ask(client, question)[0] == "exact"
    assert SECRET.encode() in _cache_files(server)
    deletion = client.delete(f"/v1/documents/{document['document_id']}").json()
    assert SECRET not in _ask(client, question)[1]["text"]
    assert SECRET not in _ask(client, question | {"query": f"Please tell me {question['query']}"})[1]["text"]
    finished(client, deletion["job_id"])
    assert SECRET.encode() not in _cache_files(server)
    receipt = client.get(f"/v1/erasures/{deletion['erasure_id']}").json()["receipt"]
    assert "cache" in [place["store"] for place in receipt["searched"]]


def _cache_files(server: Server) -> bytes:
    return b"".join(path.read_bytes() for path in server.data_dir.glob("caches.sqlite3*"))


def test_many_at_once_are_all_answered(server: Server, ingested: dict[str, str]) -> None:
    """The short form of scripts/bench/bench_load.py."""

    def question(draw: random.Random) -> tuple[str, object]:
        text = draw.choice(["leave", "passwords", "mail", "hotel", "notice", "visitors"])
        body = {"query": f"What is said about {text} in rule {draw.randrange(5)}?", "stream": draw.random() < 0.5}
        return draw.choice([("/v1/query", body), ("/v1/search", {"query": body["query"]})])

    replies = asyncio.run(ask_for(server.url, KEY, clients=20, seconds=3, question=question))
    assert len(replies) >= 20, "each of them is answered"
    assert {reply.status for reply in replies} == {200}
    assert not any(b"event: error" in reply.body for reply in replies)


def test_the_command_line_shows_and_clears_it(server: Server, client: httpx.Client, ingested: dict[str, str]) -> None:
    _ask(client, WHOLE)

    def cairn(*arguments: str) -> str:
        environment = {**os.environ, "CAIRN_URL": server.url, "CAIRN_API_KEY": KEY}
        command = [sys.executable, "-m", "app.cli", "caches", *arguments]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    assert "answers" in cairn("show")
    assert json.loads(cairn("clear", "--json"))["removed"] > 0
    assert _ask(client, WHOLE)[0] == "none"
