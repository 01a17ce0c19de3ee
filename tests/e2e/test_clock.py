"""The system's clock is set forward and back under work: every job ends, and the newest upload is the one that answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.e2e import engine
from tests.e2e.server import Server, events, finished, upload

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)

pytestmark = [
    pytest.mark.skipif(LIBRARY is None, reason="no libfaketime (Debian: libfaketime)"),
    pytest.mark.skipif(engine.chosen() == engine.SERVER, reason="the Inngest server keeps the right time"),
]


@dataclass
class Clock:
    file: Path

    def set(self, offset: str) -> None:
        """ "+2d", "-3h": away from the true time, from now on."""
        self.file.write_text(offset)


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    clock = Clock(tmp_path / "offset")
    clock.set("+0d")
    return clock


@pytest.fixture
def server(tmp_path: Path, clock: Clock) -> Iterator[Server]:
    environment = {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(clock.file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # a set clock leaves the monotonic one alone
        "NO_FAKE_STAT": "1",
        "CAIRN_RETRY_WAIT_S": "1",
    }
    server = Server(tmp_path / "data", environment).start()
    yield server
    server.stop()


@pytest.mark.parametrize(("first", "then"), [("+2d", "-2d"), ("-2d", "+2d")])
def test_jobs_end_and_the_newest_upload_answers_whatever_the_clock_says(
    server: Server, clock: Clock, tmp_path: Path, first: str, then: str
) -> None:
    with server.client() as client:
        document = upload(client, _note(tmp_path, "one", sections=10))
        _until(client, document["job_id"], "parse-document")
        clock.set(first)
        _until(client, document["job_id"], "embed-batch-0")
        clock.set(then)
        finished(client, document["job_id"])
        replaced = upload(client, _note(tmp_path, "two", sections=2), document_id=document["document_id"])
        finished(client, replaced["job_id"])
        assert _found(client) == {"two"}
        clock.set(first)
        replaced = upload(client, _note(tmp_path, "three", sections=10), document_id=document["document_id"])
        _until(client, replaced["job_id"], "parse-document")
        server.kill()
    clock.set(then)
    server.start()
    with server.client() as client:
        finished(client, replaced["job_id"])
        assert _found(client) == {"three"}
        deleted = client.delete(f"/v1/documents/{document['document_id']}").json()
        clock.set(first)
        finished(client, deleted["job_id"])
        assert _found(client) == set()
        assert client.get(f"/v1/erasures/{deleted['erasure_id']}").json()["status"] == "verified"


def _note(folder: Path, mark: str, sections: int) -> Path:
    path = folder / "note.md"
    text = [
        f"## Part {number}\n\nThe mark of part {number} is {mark}." + " It says little." * 60
        for number in range(sections)
    ]
    path.write_text("# Note\n\n" + "\n\n".join(text))
    return path


def _until(client: httpx.Client, job_id: str, step: str) -> None:
    for name, data, _ in events(client, "GET", f"/v1/jobs/{job_id}/events"):
        if name == "step.completed" and data["step"] == step:
            return
    raise AssertionError(f"the job ended without {step}")


def _found(client: httpx.Client) -> set[str]:
    passages = client.post("/v1/search", json={"query": "What is the mark?"}).json()["passages"]
    return {mark for each in passages for mark in ("one", "two", "three") if f"is {mark}." in each["text"]}
