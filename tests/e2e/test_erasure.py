"""A deletion ends in a signed receipt, and the receipt is true: every file is searched here again, for other words."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pymupdf
import pytest

from app.adapters.sql import SqlCatalog
from app.cli.erasures import verify
from pipelines.domain.access import ApiKey, Principal, Role
from tests.e2e import engine
from tests.e2e.server import KEY, ROOT, Server, events, finished, upload

TITLE, NAME, TEXT = "Zyrqontitle", "brulvexname", "quokkatronical"
CANARIES = [TITLE, NAME, TEXT, "the velvet kraken sleeps below deck nine"]
STEPS = ["plan-erasure", "purge-index", "purge-files", "purge-catalog", "search-remains", "sign-receipt"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    started = Server(tmp_path / "data", {"CAIRN_RETRY_WAIT_S": "0.2", "CAIRN_LOG_LEVEL": "debug"}).start()
    yield started
    started.stop()


def _note(folder: Path, sections: int = 12) -> Path:
    path = folder / f"{NAME}.md"
    parts = (
        f"## Deck {n}\n\nThe {TEXT} of deck {n} hums, and {CANARIES[3]}. " + "It hums on. " * 60
        for n in range(sections)
    )
    path.write_text("# Ship\n\n" + "\n\n".join(parts))
    return path


def _pdf(folder: Path) -> Path:
    path = folder / f"{NAME}.pdf"
    with pymupdf.open() as document:
        for page in range(3):
            document.new_page().insert_text((72, 100), f"Page {page}. The {TEXT} hums.\n{CANARIES[3]}.")
        document.save(path)
    return path


def _remains(server: Server) -> dict[str, list[str]]:
    """Which canaries occur in which files, as bytes, in any case."""
    found = {}
    for path in server.data_dir.rglob("*"):
        if path.is_file() and path.relative_to(server.data_dir).parts[0] != "models":
            content = path.read_bytes().lower()
            if words := [word for word in CANARIES if word.lower().encode() in content]:
                found[str(path.relative_to(server.data_dir))] = words
    return found


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _delete(client: httpx.Client, document_id: str) -> tuple[str, str]:
    """The job's id, and the erasure's."""
    answer = client.delete(f"/v1/documents/{document_id}")
    assert answer.status_code == 202, answer.text
    return answer.json()["job_id"], answer.json()["erasure_id"]


@pytest.mark.parametrize("make", [_note, _pdf])
def test_a_receipt_is_given_and_nothing_is_left(server: Server, tmp_path: Path, make: object) -> None:
    with server.client() as client:
        kept = tmp_path / "kept.md"
        kept.write_text("# Kept\n\nThe lighthouse stays where it is, and so does its keeper. " * 9)
        finished(client, upload(client, kept)["job_id"])
        document = upload(client, make(tmp_path), title=TITLE)  # type: ignore[operator]
        finished(client, document["job_id"])
        client.post("/v1/search", json={"query": f"What does the {TEXT} do?"})
        conversation = client.post("/v1/conversations").json()["id"]
        asked = {"query": f"What does the {TEXT} of deck 1 do?", "stream": False, "conversation_id": conversation}
        assert client.post("/v1/query", json=asked).json()["citations"]
        client.post("/v1/query", json=asked | {"query": "And when does it do that?"})
        assert _remains(server), "the canaries were planted"

        job_id, erasure_id = _delete(client, document["document_id"])
        job = finished(client, job_id)
        erasure = client.get(f"/v1/erasures/{erasure_id}").json()
        key = client.get("/v1/erasures/key").json()["public_key"]
        assert client.post("/v1/search", json={"query": "lighthouse keeper"}).json()["passages"]
    assert _remains(server) == {}

    assert erasure["status"] == "verified"
    receipt = erasure["receipt"]
    searched = {place["store"]: place for place in receipt["searched"]}
    expected = {"catalog and keyword index", "keyword index, asked", "vector index", "logs"}
    if engine.chosen() == engine.EMBEDDED:
        expected.add("workflow journal")  # a server keeps its own
    assert expected <= set(searched)
    assert all(place["amount"] > 0 or place["store"] == "files" for place in receipt["searched"])
    assert all(place["canaries"] >= 5 and place["found"] == 0 for place in receipt["searched"])
    assert [version["id"] for version in receipt["versions"]] == [document["version_id"]]
    assert not any(word.lower() in json.dumps([receipt, job]).lower() for word in CANARIES)
    assert verify(receipt, erasure["signature"], key)

    forged = copy.deepcopy(receipt)
    forged["searched"][0]["found"] = 1
    assert not verify(forged, erasure["signature"], key)
    assert not verify(receipt, erasure["signature"], base64.b64encode(bytes(range(32))).decode())


@pytest.mark.parametrize("moment", ["parse-document", "chunk-document", "embed-batch-0", "upsert-index"])
def test_deleting_during_ingest_ends_in_a_receipt_too(server: Server, tmp_path: Path, moment: str) -> None:
    with server.client() as client:
        document = upload(client, _note(tmp_path, sections=150), title=TITLE)
        for name, data, _ in events(client, "GET", f"/v1/jobs/{document['job_id']}/events"):
            if name == "step.completed" and data["step"] == moment:
                break
        job_id, erasure_id = _delete(client, document["document_id"])
        finished(client, job_id)
        assert client.get(f"/v1/erasures/{erasure_id}").json()["status"] == "verified"
    assert _remains(server) == {}


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_after_any_step_only_delays_the_receipt(server: Server, tmp_path: Path, step: str) -> None:
    with server.client() as client:
        document = upload(client, _note(tmp_path), title=TITLE)
        finished(client, document["job_id"])
        job_id, erasure_id = _delete(client, document["document_id"])
        for name, data, _ in events(client, "GET", f"/v1/jobs/{job_id}/events"):
            if name == "step.completed" and data["step"] == step:
                server.kill()
                break
    server.start()
    with server.client() as client:
        finished(client, job_id)
        assert client.get(f"/v1/erasures/{erasure_id}").json()["status"] == "verified"
    assert _remains(server) == {}


def test_there_is_no_receipt_while_something_is_left_anywhere(server: Server, tmp_path: Path) -> None:
    with server.client() as client:
        document = upload(client, _note(tmp_path), title=TITLE)
        finished(client, document["job_id"])
        stray = server.data_dir / "some-cache" / "entry.bin"
        stray.parent.mkdir()
        stray.write_bytes(b"\x00" * 5_000 + f"{TEXT.upper()} of deck 4".encode() + b"\x00" * 5_000)
        job_id, erasure_id = _delete(client, document["document_id"])
        job = finished(client, job_id, "failed")
        assert job["error"]["code"] == "erasure_incomplete"
        assert "other files" in job["error"]["detail"]
        assert TEXT not in json.dumps(job)
        erasure = client.get(f"/v1/erasures/{erasure_id}").json()
        assert (erasure["status"], erasure["receipt"], erasure["signature"]) == ("failed", None, None)

        stray.unlink()
        assert client.post(f"/v1/jobs/{job_id}/retry").status_code == 202
        finished(client, job_id)
        assert client.get(f"/v1/erasures/{erasure_id}").json()["status"] == "verified"
    assert _remains(server) == {}


def test_the_same_words_in_another_document_stop_nothing(server: Server, tmp_path: Path) -> None:
    with server.client() as client:
        (tmp_path / "twin").mkdir()
        twin = upload(client, _note(tmp_path / "twin", sections=13), title=TITLE)
        document = upload(client, _note(tmp_path), title=TITLE)
        for each in (twin, document):
            finished(client, each["job_id"])
        job_id, erasure_id = _delete(client, document["document_id"])
        finished(client, job_id)
        assert client.get(f"/v1/erasures/{erasure_id}").json()["status"] == "verified"
        job_id, _ = _delete(client, twin["document_id"])
        finished(client, job_id)
    assert _remains(server) == {}


def test_the_same_file_comes_in_again_while_it_is_removed(server: Server, tmp_path: Path) -> None:
    with server.client() as client:
        note = _note(tmp_path)
        first = upload(client, note)
        finished(client, first["job_id"])
        job_id, erasure_id = _delete(client, first["document_id"])
        second = upload(client, note)
        assert (second["duplicate"], second["document_id"] == first["document_id"]) == (False, False)
        finished(client, second["job_id"])
        finished(client, job_id)
        assert client.get(f"/v1/erasures/{erasure_id}").json()["status"] == "verified"
        assert client.get(f"/v1/documents/{second['document_id']}/content").content == note.read_bytes()
        job_id, _ = _delete(client, second["document_id"])
        finished(client, job_id)
    assert _remains(server) == {}


def test_only_those_who_could_read_the_document_see_its_receipt(server: Server, tmp_path: Path) -> None:
    with server.client() as client:
        document = upload(client, _note(tmp_path), readers="group:crew")
        finished(client, document["job_id"])
        job_id, erasure_id = _delete(client, document["document_id"])
        finished(client, job_id)
    server.stop()
    catalog = SqlCatalog(f"sqlite:///{server.data_dir / 'catalog.sqlite3'}")
    catalog.open()
    at = datetime.now(UTC)
    with catalog.begin() as uow:
        uow.keys.add_tenant("rival", "Rival", at)
        first = uow.keys.by_secret_sha256(_digest(KEY))
        assert first is not None
        tenant = first.principal.tenant_id
        for name, principal in (
            ("outsider", Principal(tenant, "outsider", frozenset(), frozenset({Role.EDITOR}))),
            ("rival", Principal("rival", "spy", frozenset({"crew"}), frozenset({Role.TENANT_ADMIN}))),
            ("mate", Principal(tenant, "mate", frozenset({"crew"}), frozenset({Role.READER}))),
        ):
            uow.keys.add(ApiKey(f"key_{name}", name, _digest(f"secret-of-{name}-0123456789"), principal, at))
    catalog.close()
    server.start()
    seen = {}
    for name in ("outsider", "rival", "mate"):
        with server.client(f"secret-of-{name}-0123456789") as client:
            seen[name] = client.get(f"/v1/erasures/{erasure_id}").status_code
    assert seen == {"outsider": 404, "rival": 404, "mate": 200}
    with server.client(None) as client:
        assert client.get(f"/v1/erasures/{erasure_id}").status_code == 401


def test_the_command_line_verifies_a_receipt(server: Server, tmp_path: Path) -> None:
    with server.client() as client:
        document = upload(client, _note(tmp_path))
        finished(client, document["job_id"])
        job_id, erasure_id = _delete(client, document["document_id"])
        finished(client, job_id)
    program = [sys.executable, "-m", "app.cli", "erasures", "show", erasure_id]
    environment = {"CAIRN_URL": server.url, "CAIRN_API_KEY": KEY, "PATH": "/usr/bin"}
    shown = subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    assert "vector index" in shown.stdout
    assert "signed by" in shown.stdout
    other = base64.b64encode(b"k" * 32).decode()
    refused = subprocess.run(
        [*program, "--public-key", other], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 1
