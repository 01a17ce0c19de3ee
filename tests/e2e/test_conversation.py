"""A conversation without a model, and what is kept of it: for its owner alone, and for no longer than its documents."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.e2e.server import KEY, Server, events, finished, upload


@pytest.fixture
def conversation(client: httpx.Client, ingested: dict[str, str]) -> str:
    begun = client.post("/v1/conversations")
    assert begun.status_code == 201
    return str(begun.json()["id"])


def _ask(client: httpx.Client, conversation: str, query: str) -> dict[str, Any]:
    answer = client.post("/v1/query", json={"query": query, "stream": False, "conversation_id": conversation})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def _key(client: httpx.Client, user: str) -> str:
    issued = client.post("/v1/admin/keys", json={"name": user, "user": user, "roles": ["reader"]})
    return str(issued.json()["secret"])


def _refused(response: httpx.Response, code: str, status: int = 404) -> None:
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_a_follow_up_is_understood_by_what_came_before(client: httpx.Client, conversation: str) -> None:
    first = _ask(client, conversation, "What is the limit for a hotel per night?")
    assert "140" in first["text"]
    assert first["conversation_id"] == conversation
    alone = client.post("/v1/query", json={"query": "And for a taxi per trip?", "stream": False}).json()
    assert (alone["standalone"], alone["conversation_id"]) == (None, None)
    *_, (name, second, _) = events(
        client, "POST", "/v1/query", json={"query": "What about a taxi?", "conversation_id": conversation}
    )
    assert name == "answer"
    assert "35" in second["text"]
    assert second["standalone"] == "What is the limit for a hotel per night, a taxi?"
    kept = client.get(f"/v1/conversations/{conversation}").json()
    assert kept["conversation"]["turns"] == 2
    assert [turn["question"] for turn in kept["turns"]] == [
        "What is the limit for a hotel per night?",
        "What about a taxi?",
    ]
    assert [turn["answer"] for turn in kept["turns"]] == [first["text"], second["text"]]
    assert kept["turns"][0]["citations"][0]["page"] == first["citations"][0]["page"]


def test_a_conversation_is_its_owners(server: Server, client: httpx.Client, conversation: str) -> None:
    _ask(client, conversation, "How many days of paid leave do employees get each year?")
    asked = {"query": "Why?", "conversation_id": conversation}
    with server.client(_key(client, "ben")) as ben:
        for path in (f"/v1/conversations/{conversation}", "/v1/conversations/cnv_absent"):
            _refused(ben.get(path), "conversation_not_found")
            _refused(ben.delete(path), "conversation_not_found")
        _refused(ben.post("/v1/query", json=asked), "conversation_not_found")
        _refused(ben.post("/v1/query", json=asked | {"stream": False}), "conversation_not_found")
        absent = ben.post("/v1/query", json=asked | {"conversation_id": "cnv_absent"})
        assert absent.json() == ben.post("/v1/query", json=asked).json()  # not a word of difference
        assert ben.get("/v1/conversations").json()["conversations"] == []
    mine = client.get("/v1/conversations", params={"limit": 1}).json()
    assert mine["conversations"][0]["id"] == conversation
    assert mine["next_cursor"]
    assert client.delete(f"/v1/conversations/{conversation}").status_code == 204
    _refused(client.get(f"/v1/conversations/{conversation}"), "conversation_not_found")


def test_an_answer_goes_with_its_document(client: httpx.Client, conversation: str, tmp_path: Path) -> None:
    path = tmp_path / "garden.md"
    path.write_text("# Garden\n\nThe walled garden opens at seven in the morning and closes at dusk.\n")
    document = upload(client, path)
    finished(client, document["job_id"])
    assert "seven" in _ask(client, conversation, "When does the walled garden open?")["text"]
    removed = client.delete(f"/v1/documents/{document['document_id']}").json()
    at_once = client.get(f"/v1/conversations/{conversation}").json()["turns"]  # purged already, or not yet
    assert [(turn["answer"], turn["citations"]) for turn in at_once] in ([], [(None, [])])
    finished(client, removed["job_id"])
    assert client.get(f"/v1/conversations/{conversation}").json()["turns"] == []


def test_openais_clients_hold_a_conversation_of_their_own(server: Server, ingested: dict[str, str]) -> None:
    http = httpx.Client(trust_env=False, verify=False, timeout=60)
    messages: list[Any] = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is the limit for a hotel per night?"},
        {"role": "assistant", "content": "It is 140 EUR. [1]"},
        {"role": "user", "content": "What about a taxi?"},
    ]
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=KEY, http_client=http) as client:
        completion = client.chat.completions.create(model="default", messages=messages)
    assert "35 EUR" in str(completion.choices[0].message.content)


def test_while_the_catalog_takes_nothing_answers_go_on_and_uploads_are_refused(
    server: Server, client: httpx.Client, conversation: str
) -> None:
    """Another program holds it: readers read, writers wait for ten seconds and give up."""
    catalog = sqlite3.connect(server.data_dir / "catalog.sqlite3", isolation_level=None)
    catalog.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor() as pool:
        uploading = pool.submit(client.post, "/v1/documents", files={"file": ("note.md", b"# A note\n\nOf a day.\n")})
        answer = _ask(client, conversation, "How many days of paid leave do employees get each year?")
        refused = uploading.result()
    assert "28" in answer["text"]
    assert answer["degraded"] == ["record", "conversation"]
    _refused(refused, "dependency_unavailable", 503)
    assert int(refused.headers["Retry-After"]) > 0
    catalog.execute("ROLLBACK")
    catalog.close()
    assert _ask(client, conversation, "How many days of paid leave do employees get each year?")["degraded"] == []
    assert client.get(f"/v1/conversations/{conversation}").json()["conversation"]["turns"] == 1


def test_feedback_is_kept_for_the_administrator(server: Server, client: httpx.Client) -> None:
    given = {"answer_id": "ans_0123456789abcdef01234567", "thumb": "down", "comment": "Wrong page."}
    with server.client(_key(client, "carla")) as carla:
        first = carla.post("/v1/feedback", json=given)
        assert first.status_code == 201
        again = carla.post("/v1/feedback", json=given | {"thumb": "up", "score": 5})
        assert again.json()["id"] == first.json()["id"]
        _refused(carla.get("/v1/feedback"), "forbidden", 403)
        for wrong in ({"thumb": "sideways"}, {"score": 6}, {"comment": "x" * 2_001}, {"answer_id": "doc_1"}):
            _refused(carla.post("/v1/feedback", json=given | wrong), "invalid_request", 422)
        _refused(carla.post("/v1/feedback", json={"answer_id": given["answer_id"]}), "invalid_request", 422)
    (found,) = client.get("/v1/feedback").json()["feedback"]
    assert (found["user_id"], found["thumb"], found["score"]) == ("carla", "up", 5)
