"""A policy for personal data that is changed holds for the documents that are there, and nothing of the old reading is left."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.server import KEY, ROOT, Server, events, finished, running, upload
from tests.e2e.test_pii import planted_values, remains

PAPERS = 6
TOKEN = "ghp" + "_0123456789abcdefghijABCDEFGHIJ012345"  # in two, for what looks for such in our sources
VALUES = [sentence_and_value for sentence_and_value in planted_values() if "key " not in sentence_and_value[0]][
    : PAPERS * 20
]


def _policy(client: httpx.Client, **change: Any) -> dict[str, Any]:
    answer = client.put("/v1/collections/default/pii", json=change)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def _papers(folder: Path) -> Iterator[tuple[Path, str]]:
    for number in range(PAPERS):
        mine = VALUES[number::PAPERS]
        mail = next(value for _, value in mine if "@" in value)  # needs no word beside it to be found
        path = folder / f"letter_{mail}_{number}.md"
        text = "\n\n".join(f"## Item {place}\n\n{sentence} It was filed." for place, (sentence, _) in enumerate(mine))
        path.write_text(f"# Letters {number}\n\n{text}\n")
        yield path, mail


def _take_in(client: httpx.Client, folder: Path) -> list[str]:
    ids = []
    for path, mail in _papers(folder):
        sent = upload(client, path, metadata=json.dumps({"about": mail}))
        finished(client, sent["job_id"])
        ids.append(sent["document_id"])
    return ids


def _talk(client: httpx.Client) -> tuple[str, list[str]]:
    """Questions, answers, remarks: each holds values, since the policy keeps them."""
    conversation, answers = client.post("/v1/conversations").json()["id"], []
    for sentence, value in VALUES[:10]:
        asked = {"query": f"What is said of {value}? {sentence}", "stream": False, "conversation_id": conversation}
        answers.append(client.post("/v1/query", json=asked).json()["id"])
        client.post("/v1/search", json={"query": sentence}).raise_for_status()
        client.post("/v1/feedback", json={"answer_id": answers[-1], "comment": sentence}).raise_for_status()
    return conversation, answers


def _all_that_is_said(client: httpx.Client, ids: list[str], conversation: str) -> str:
    said = client.get("/v1/documents").text + client.get(f"/v1/conversations/{conversation}").text
    for each in ids:
        said += client.get(f"/v1/documents/{each}/chunks?limit=200").text
    for sentence, _ in VALUES[:10]:
        said += client.post("/v1/search", json={"query": sentence, "top_k": 20}).text
        said += client.post("/v1/query", json={"query": sentence, "stream": False}).text
    return said + client.get("/v1/feedback").text


def _held(text: str) -> list[str]:
    return [value for _, value in VALUES if value in text]


@contextmanager
def _stopped(server: Server) -> Iterator[None]:
    server.stop()
    try:
        yield
    finally:
        server.start()


def test_after_a_stricter_policy_nothing_of_the_old_reading_is_left(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data, CAIRN_PII_POLICY="off") as server, server.client() as client:
        ids = _take_in(client, tmp_path)
        conversation, answers = _talk(client)
        values = [value for _, value in VALUES]
        assert len(_held(_all_that_is_said(client, ids, conversation))) > len(values) / 2, "they were there to be found"
        changed = _policy(client, preset="strict")
        assert changed["job_id"]
        assert changed["note"]
        assert _held(client.post("/v1/search", json={"query": VALUES[0][0], "top_k": 20}).text) == []
        job = finished(client, changed["job_id"])
        assert {"forget-before", "flip-0", "drop-old", "forget-after"} <= {step["id"] for step in job["steps"]}
        assert _held(_all_that_is_said(client, ids, conversation)) == []
        after = client.get("/v1/collections/default/pii").json()
        assert after["documents"] == {changed["id"]: PAPERS}
        assert after["note"] is None
        assert client.post("/v1/search", json={"query": "What was filed under item 3?"}).json()["passages"]
        assert {client.get(f"/v1/answers/{each}").status_code for each in answers} == {404}
        counts = [client.get(f"/v1/documents/{each}").json()["latest_version"]["pii_counts"] for each in ids]
        assert sum(sum(each.values()) for each in counts) >= len(values)
        assert client.get("/v1/collections/default").json()["chunker"].count("/") == 0
        with _stopped(server):
            assert remains(data, values) == {}
        again = client.post("/v1/collections/default/pii/redo")
        assert again.status_code == 202
        finished(client, again.json()["job_id"])
        assert _held(_all_that_is_said(client, ids, conversation)) == []


def test_a_looser_policy_lets_the_old_build_answer_until_the_new_one_is_there(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server, server.client() as client:
        note = tmp_path / "note.md"
        note.write_text("# Note\n\nWrite to desk@help.example about the boiler of the north building.\n")
        sent = upload(client, note)
        finished(client, sent["job_id"])
        asked = {"query": "Whom to write to about the boiler?"}
        before = client.post("/v1/search", json=asked).json()["passages"][0]["text"]
        assert "<EMAIL_" in before
        changed = _policy(client, preset="default", rules={"EMAIL_ADDRESS": {"action": "keep"}})
        while client.get(f"/v1/jobs/{changed['job_id']}").json()["status"] in ("queued", "running"):
            found = client.post("/v1/search", json=asked).json()["passages"]
            assert found, "nothing answered for a moment"
        finished(client, changed["job_id"])
        assert "desk@help.example" in client.post("/v1/search", json=asked).json()["passages"][0]["text"]
        assert _policy(client, preset="default", rules={"EMAIL_ADDRESS": {"action": "keep"}})["job_id"] is None


def test_a_document_that_the_new_policy_refuses_answers_no_more(tmp_path: Path) -> None:
    with running(tmp_path / "data", CAIRN_PII_POLICY="off") as server, server.client() as client:
        names = {
            "plain": "The pump was mended.",
            "secret": f"The pump's key is {TOKEN}.",
        }
        ids = {}
        for name, text in names.items():
            (tmp_path / f"{name}.md").write_text(f"# Report\n\n{text} It is in hall four.\n")
            sent = upload(client, tmp_path / f"{name}.md")
            finished(client, sent["job_id"])
            ids[name] = sent["document_id"]
        changed = _policy(client, rules={"API_KEY": {"action": "refuse"}})
        finished(client, changed["job_id"])
        found = client.post("/v1/search", json={"query": "Where is the pump?", "top_k": 20}).json()["passages"]
        assert {each["document_id"] for each in found} == {ids["plain"]}
        document = client.get(f"/v1/documents/{ids['secret']}").json()
        assert (document["status"], document["active_version_id"]) == ("failed", None)
        failed = client.get(f"/v1/jobs?document_id={ids['secret']}").json()["jobs"]
        assert failed[0]["error"]["code"] == "sensitive_content"
        with _stopped(server):
            assert remains(server.data_dir, [TOKEN]) == {}


def test_a_kill_in_the_middle_is_made_up_for(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", {"CAIRN_PII_POLICY": "off"}).start()
    with server.client() as client:
        ids = _take_in(client, tmp_path)
        conversation, _ = _talk(client)
        job_id = _policy(client, preset="strict")["job_id"]
        for name, step, _ in events(client, "GET", f"/v1/jobs/{job_id}/events"):
            if name == "step.started" and step["step"].startswith("build-page"):
                server.kill()
                break
    server.start()
    try:
        with server.client() as client:
            finished(client, job_id)
            assert _held(_all_that_is_said(client, ids, conversation)) == []
            assert all(client.get(f"/v1/documents/{each}/chunks").json()["chunks"] for each in ids)
    finally:
        server.stop()
    assert remains(server.data_dir, [value for _, value in VALUES]) == {}


def test_of_two_changes_the_last_one_holds(tmp_path: Path) -> None:
    """The second is made while the first one's job runs; an upload is under way meanwhile."""
    with running(tmp_path / "data", CAIRN_PII_POLICY="off") as server, server.client() as client:
        ids = _take_in(client, tmp_path)
        first = _policy(client, preset="default")
        late = tmp_path / "late.md"
        late.write_text("# Late\n\nWrite to late@person.example, said Marta Kowalczyk.\n")
        sent = upload(client, late)
        second = _policy(client, preset="strict")
        for job_id in (sent["job_id"], second["job_id"]):
            finished(client, job_id)
        assert client.get(f"/v1/jobs/{first['job_id']}").json()["status"] in ("cancelled", "succeeded")
        state = client.get("/v1/collections/default/pii").json()
        assert state["documents"] == {second["id"]: PAPERS + 1}
        text = client.get(f"/v1/documents/{sent['document_id']}/chunks").text
        assert "late@person" not in text
        assert "Kowalczyk" not in text
        with _stopped(server), closing(sqlite3.connect(server.data_dir / "catalog.sqlite3")) as catalog:
            chunkers = {row[0] for row in catalog.execute("SELECT DISTINCT chunker FROM chunks")}
            assert len(chunkers) == 1
        assert len(ids) == PAPERS


@pytest.mark.parametrize("change", [["--preset", "strict"], ["--rule", "PERSON=placeholder:0.8"]])
def test_the_command_line_waits_until_documents_follow(tmp_path: Path, change: list[str]) -> None:
    with running(tmp_path / "data", CAIRN_PII_POLICY="off") as server, server.client() as client:
        note = tmp_path / "note.md"
        note.write_text("# Note\n\nDr. Marta Kowalczyk, marta@home.example, knows about the boiler.\n")
        sent = upload(client, note)
        finished(client, sent["job_id"])
        for arguments in (["policy", "default", *change, "--json"], ["redo", "default", "--json"]):
            done = subprocess.run(
                [sys.executable, "-m", "app.cli", "pii", *arguments],
                capture_output=True, text=True, cwd=ROOT, check=True,
                env={"CAIRN_URL": server.url, "CAIRN_API_KEY": KEY, "PATH": "/usr/bin"},
            )  # fmt: skip
            assert sum(json.loads(done.stdout)["documents"].values()) == 1
            assert json.loads(done.stdout)["note"] is None
        assert "Kowalczyk" not in client.get(f"/v1/documents/{sent['document_id']}/chunks").text
