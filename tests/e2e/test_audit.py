"""What an auditor sees of a running server: every act, before it is done, in a chain that shows when it was touched."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.server import KEY, ROOT, Server, events, finished, running, upload


def _record(client: httpx.Client) -> list[dict[str, Any]]:
    response = client.get("/v1/admin/audit")
    assert response.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(line) for line in response.text.splitlines()]


def _verify(server: Server, *, key: str = KEY) -> tuple[int, dict[str, Any]]:
    environment = {**os.environ, "CAIRN_URL": server.url, "CAIRN_API_KEY": key}
    command = [sys.executable, "-m", "app.cli", "audit", "verify", "--json"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout)


def test_acts_and_what_they_show_are_on_the_record(client: httpx.Client, tmp_path: Path) -> None:
    note = tmp_path / "note.md"
    note.write_text("# Otters\n\nThe quellotter sleeps in the boathouse at noon.\n")
    document = upload(client, note)
    finished(client, document["job_id"])
    query = {"query": "Where does the quellotter sleep?"}
    client.post("/v1/search", json=query)
    client.post("/v1/query", json={**query, "stream": False})
    list(events(client, "POST", "/v1/query", json=query))
    client.get(f"/v1/documents/{document['document_id']}/chunks")
    client.delete(f"/v1/documents/{document['document_id']}")
    record = _record(client)
    acts = [row["action"] for row in record]
    assert acts.count("answer") == 2
    expected = ["POST /v1/documents", "search", "answer", "answer"]
    ends = ["GET /v1/documents/{document_id}/chunks", "DELETE /v1/documents/{document_id}", "GET /v1/admin/audit"]
    assert acts == [*expected, *ends]
    shown = record[1]["targets"]
    assert (record[1]["user_id"], shown["collection"], document["document_id"] in shown["documents"]) == (
        "admin",
        "default",
        True,
    )
    assert record[5]["targets"] == {"document_id": document["document_id"]}
    text = json.dumps(record)
    assert "quellotter" not in text
    assert "Otters" not in text


def test_a_refusal_is_on_the_record(server: Server, client: httpx.Client) -> None:
    body = {"name": "test", "user": "eve", "roles": ["reader"]}
    secret = client.post("/v1/admin/keys", json=body).json()["secret"]
    with server.client(secret) as reader:
        assert reader.get("/v1/admin/audit").status_code == 403
        assert reader.delete("/v1/documents/doc_1").status_code == 403
    refused = [row for row in _record(client) if row["outcome"] == "denied"]
    assert [(row["user_id"], row["action"]) for row in refused] == [
        ("eve", "GET /v1/admin/audit"),
        ("eve", "DELETE /v1/documents/{document_id}"),
    ]


def test_what_cannot_be_recorded_is_not_done(tmp_path: Path) -> None:
    note = tmp_path / "note.md"
    note.write_text("# Note\n\nThe vault opens at noon.\n")
    with running(tmp_path / "data") as server, server.client() as client:
        document = upload(client, note)
        finished(client, document["job_id"])
        query = {"query": "When does the vault open?"}
        with sqlite3.connect(server.data_dir / "audit.sqlite3", isolation_level=None) as holder:
            holder.execute("BEGIN IMMEDIATE")
            for response in (
                client.post("/v1/search", json=query),
                client.delete(f"/v1/documents/{document['document_id']}"),
            ):
                assert (response.status_code, response.json()["code"]) == (503, "audit_unavailable")
                assert "vault" not in response.text
            holder.execute("ROLLBACK")
        assert client.get(f"/v1/documents/{document['document_id']}").status_code == 200
        assert client.post("/v1/search", json=query).json()["passages"]


def test_a_chain_that_was_touched_does_not_verify(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server, server.client() as client:
        for _ in range(5):
            client.get("/v1/admin/keys")
        assert _verify(server)[0] == 0
        with sqlite3.connect(server.data_dir / "audit.sqlite3") as database:
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                database.execute(f"DROP TRIGGER {name}")
            database.execute("UPDATE audit_rows SET line = replace(line, 'admin', 'bdmin') WHERE number = 2")
            database.execute("DELETE FROM audit_rows WHERE number = 4")
        status, report = _verify(server)
        assert status == 1
        assert {"row 2 was changed", "row 4 is missing"} <= set(report["problems"])
