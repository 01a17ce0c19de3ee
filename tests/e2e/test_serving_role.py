"""A server whose role on PostgreSQL owns nothing: everything works, row-level security binds it, and it changes no audit row."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.e2e.server import ROOT, Server, events, finished, running, upload
from tests.postgres_server import empty_database

ROLE = "cairn_serving_test"


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """The owner's URL of a database that the role may use."""
    with empty_database() as (url, owner):
        if not owner.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
            owner.execute(f"CREATE ROLE {ROLE} LOGIN NOSUPERUSER NOBYPASSRLS")
        yield url


@pytest.fixture(scope="module")
def server(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("data")
    environment = {**os.environ, "CAIRN_DATA_DIR": str(data), "CAIRN_DATABASE_URL": database}
    command = [sys.executable, "-m", "app.cli", "migrate", "--grant", ROLE]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    refused = subprocess.run(
        [*command[:-1], "nobody_of_this_name"], cwd=ROOT, env=environment, check=False, capture_output=True
    )
    assert (refused.returncode, b"nobody_of_this_name" in refused.stderr) == (1, True), refused.stderr
    served = database.replace("postgres@", f"{ROLE}@")
    assert served != database
    with running(data, CAIRN_DATABASE_URL=served) as started:
        yield started


def test_the_whole_life_of_a_document(server: Server, handbook: Path, database: str) -> None:
    with server.client() as client:
        document = upload(client, handbook)
        finished(client, document["job_id"])
        question = {"query": "How many days of paid leave do employees get each year?"}
        *_, (_, answer, _) = events(client, "POST", "/v1/query", json=question)
        assert "28" in answer["text"]
        made = client.post("/v1/admin/keys", json={"name": "bob", "user": "bob", "roles": ["reader"]}).json()
        with server.client(made["secret"]) as bob:
            assert bob.post("/v1/search", json=question).json()["passages"]
            path = f"/v1/documents/{document['document_id']}"
            assert client.patch(path, json={"readers": ["user:admin"]}).status_code == 200
            assert bob.post("/v1/search", json=question).json()["passages"] == []
            assert bob.get(path).status_code == 404
        conversation = client.post("/v1/conversations").json()["id"]
        client.post("/v1/query", json={**question, "stream": False, "conversation_id": conversation})
        assert len(client.get(f"/v1/conversations/{conversation}").json()["turns"]) == 1
        deleted = client.delete(path).json()
        finished(client, deleted["job_id"])
        assert client.get(f"/v1/erasures/{deleted['erasure_id']}").json()["status"] == "verified"
        assert client.get("/v1/admin/audit").text.count("\n") > 5
    assert "row_security_bypassed" not in server.log()
    with psycopg.connect(database.replace("postgres@", f"{ROLE}@")) as role:
        assert role.execute("SELECT count(*) FROM documents").fetchone() == (0,), (
            "nothing is seen unless it is said for whom"
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            role.execute("DELETE FROM audit_rows")
