"""A document that kills, hangs or bloats its worker fails alone, after its attempts, and with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.server import Server, finished, running, upload

POISON = Path(__file__).parent / "poison"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(
        tmp_path_factory.mktemp("server") / "data",
        PYTHONPATH=str(POISON),
        CAIRN_RETRY_WAIT_S="0.1",
        CAIRN_PARSE_TIMEOUT_S="20",  # healthy files keep within it on a busy machine
    ) as started:
        yield started


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as opened:
        yield opened


@pytest.mark.parametrize(
    ("poison", "code", "attempts"),
    [("die", "worker_crashed", 3), ("hang", "limit_exceeded", 1), ("eat", "limit_exceeded", 1)],
)
def test_a_poisonous_document_fails_alone(
    client: httpx.Client, tmp_path: Path, poison: str, code: str, attempts: int
) -> None:
    bad = tmp_path / f"{poison}.md"
    bad.write_text(f"# POISON: {poison}\n\nIt looks like any other file.\n")
    good = [tmp_path / f"{poison}-{number}.md" for number in range(3)]
    for path in good:
        path.write_text(f"# {path.stem}\n\nRoom {path.stem} is open to staff from eight to six.\n")

    poisonous = upload(client, bad)
    healthy = [upload(client, path) for path in good]
    for document in healthy:
        finished(client, document["job_id"])
    job = finished(client, poisonous["job_id"], "failed")
    assert job["error"]["code"] == code
    (parse,) = job["steps"]
    assert (parse["id"], parse["attempts"]) == ("parse-document", attempts)
    documents = {each["id"]: each["status"] for each in client.get("/v1/documents").json()["documents"]}
    assert documents[poisonous["document_id"]] == "failed"
    assert all(documents[each["document_id"]] == "ready" for each in healthy)

    again = client.post(f"/v1/jobs/{job['id']}/retry")
    assert again.status_code == 202, again.text
    assert finished(client, job["id"], "failed")["error"]["code"] == code
    deleted = client.delete(f"/v1/documents/{poisonous['document_id']}")
    finished(client, deleted.json()["job_id"])
