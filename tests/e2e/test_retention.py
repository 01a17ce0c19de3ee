"""A collection keeps its documents for so many days; then they are erased like any other, with a receipt."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.domain.erasure import erasure_id
from tests.e2e.server import Server, finished, upload


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    started = Server(tmp_path / "data").start()
    yield started
    started.stop()


def test_what_is_over_goes_with_a_receipt_and_the_rest_stays(server: Server, tmp_path: Path) -> None:
    old, young = tmp_path / "old.md", tmp_path / "young.md"
    old.write_text("# Old\n\nThe brass sextant was sold at the autumn fair. " * 5)
    young.write_text("# Young\n\nThe copper astrolabe stays in the cabinet. " * 5)
    with server.client() as client:
        documents = [upload(client, path) for path in (old, young)]
        for each in documents:
            finished(client, each["job_id"])
    server.stop()
    _age(server, documents[0]["version_id"], timedelta(days=8))
    server.start()

    with server.client() as client:
        for days in (0, -1, "many", 40_000):
            refused = client.patch("/v1/collections/default", json={"retention_days": days})
            assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
        assert client.patch("/v1/collections/never", json={"retention_days": 7}).status_code == 404
        assert client.post("/v1/admin/retention").json() == {"deleted": 0}
        changed = client.patch("/v1/collections/default", json={"retention_days": 7}).json()
        assert changed["retention_days"] == 7
        assert client.post("/v1/admin/retention").json() == {"deleted": 1}
        left = client.get("/v1/documents").json()["documents"]
        assert [each["id"] for each in left] == [documents[1]["document_id"]]
        jobs = client.get("/v1/jobs", params={"document_id": documents[0]["document_id"]}).json()["jobs"]
        finished(client, jobs[0]["id"])
        receipt = client.get(f"/v1/erasures/{erasure_id(documents[0]['document_id'])}").json()
        assert receipt["status"] == "verified"
        assert client.patch("/v1/collections/default", json={"retention_days": None}).json()["retention_days"] is None


def _age(server: Server, version_id: str, by: timedelta) -> None:
    """As if the version had come in earlier."""
    with sqlite3.connect(server.data_dir / "catalog.sqlite3") as catalog:
        at = (datetime.now(UTC) - by).isoformat(timespec="microseconds")
        assert catalog.execute("UPDATE versions SET created_at = ? WHERE id = ?", (at, version_id)).rowcount == 1
