"""The same bytes are one version; new bytes under a document replace it without a gap."""

from __future__ import annotations

import threading
from pathlib import Path

import httpx

from tests.e2e.server import Server, finished, upload

QUERY = {"query": "Who is the keeper of the lighthouse?", "top_k": 20}


def _note(folder: Path, text: str) -> Path:
    path = folder / "lighthouse.md"
    path.write_text(f"# Lighthouse\n\n{text}\n")
    return path


def test_the_same_upload_twice_is_one_version_and_one_job(client: httpx.Client, tmp_path: Path) -> None:
    note = _note(tmp_path, "Ada keeps the lamp of the eastern tower.")
    first = upload(client, note)
    again = upload(client, note)  # while the first is being prepared
    finished(client, first["job_id"])
    later = upload(client, note)  # and after
    same = ("document_id", "version_id", "job_id")
    assert [first[name] for name in same] == [again[name] for name in same] == [later[name] for name in same]
    assert (first["duplicate"], again["duplicate"], later["duplicate"]) == (False, True, True)
    jobs = client.get("/v1/jobs", params={"document_id": first["document_id"]}).json()["jobs"]
    assert len(jobs) == 1
    assert jobs[0]["run"] == 1


def test_the_same_upload_at_the_same_moment_is_one_version(server: Server, tmp_path: Path) -> None:
    note = _note(tmp_path, "Twelve people press the button at once.")
    receipts: list[dict[str, str]] = []
    together = threading.Barrier(12)

    def press() -> None:
        with server.client() as own:
            together.wait()
            receipts.append(upload(own, note))

    threads = [threading.Thread(target=press) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({(each["document_id"], each["version_id"], each["job_id"]) for each in receipts}) == 1
    assert [each["duplicate"] for each in receipts].count(False) == 1
    assert len(receipts) == 12
    with server.client() as own:
        finished(own, receipts[0]["job_id"])
    contents = [path.read_bytes() for path in (server.data_dir / "files" / "originals").iterdir()]
    assert contents.count(note.read_bytes()) == 1


def test_the_same_bytes_in_one_request_are_one_version(client: httpx.Client) -> None:
    files = [("file", (name, b"# Twins\n\nTwo names, one content.\n")) for name in ("a.md", "b.md")]
    first, second = client.post("/v1/documents", files=files).json()["documents"]
    assert first["version_id"] == second["version_id"]
    finished(client, first["job_id"])


def test_an_idempotency_key_gives_the_first_answer_again(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": "order-1"}
    files = {"file": ("key.md", b"# Keys\n\nA key opens one door.\n")}
    first = client.post("/v1/documents", files=files, headers=headers)
    again = client.post("/v1/documents", files=files, headers=headers)
    other = client.post("/v1/documents", files={"file": ("key.md", b"# Keys\n\nOther.\n")}, headers=headers)
    assert again.json() == first.json()
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_conflict")
    finished(client, first.json()["documents"][0]["job_id"])


def test_no_search_sees_both_or_neither_while_a_document_is_replaced(
    server: Server, client: httpx.Client, tmp_path: Path
) -> None:
    first = upload(
        client, _note(tmp_path, "The keeper of the lighthouse is Berta. " * 3), collection=_collection(client)
    )
    finished(client, first["job_id"])
    seen: list[frozenset[str]] = []
    stop = threading.Event()
    searching = threading.Event()

    def search() -> None:
        with server.client() as own:
            while not stop.is_set():
                found = own.post("/v1/search", json={**QUERY, "collection": "lighthouse"})
                assert found.status_code == 200, found.text
                mine = [each for each in found.json()["passages"] if each["document_id"] == first["document_id"]]
                seen.append(frozenset(each["version_id"] for each in mine))
                searching.set()

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    searching.wait(timeout=30)
    versions = [first["version_id"]]
    for name in ("Clara", "Dora", "Emma"):
        note = _note(tmp_path, f"The keeper of the lighthouse is {name}. " * 3)
        newer = upload(client, note, document_id=first["document_id"], collection="lighthouse")
        assert newer["document_id"] == first["document_id"]
        assert newer["version_id"] not in versions
        finished(client, newer["job_id"])
        versions.append(newer["version_id"])
    stop.set()
    for thread in threads:
        thread.join()
    assert {len(each) for each in seen} == {1}, "a search saw both versions, or neither"
    assert {next(iter(each)) for each in seen} <= set(versions)
    assert seen[-1] == {versions[-1]}
    text = " ".join(
        each["text"] for each in client.get(f"/v1/documents/{first['document_id']}/chunks").json()["chunks"]
    )
    assert "Emma" in text
    assert "Berta" not in text


def test_bytes_that_come_back_become_the_answer_again(client: httpx.Client, tmp_path: Path) -> None:
    old, new = _note(tmp_path, "The harbour opens at six.").read_bytes(), b"# Harbour\n\nThe harbour opens at nine.\n"
    first = client.post("/v1/documents", files={"file": ("h.md", old)}).json()["documents"][0]
    finished(client, first["job_id"])
    fields = {"document_id": first["document_id"]}
    second = client.post("/v1/documents", files={"file": ("h.md", new)}, data=fields).json()["documents"][0]
    finished(client, second["job_id"])
    third = client.post("/v1/documents", files={"file": ("h.md", old)}, data=fields).json()["documents"][0]
    assert third["version_id"] == first["version_id"]
    finished(client, third["job_id"])
    assert client.get(f"/v1/documents/{first['document_id']}").json()["active_version_id"] == first["version_id"]


def _collection(client: httpx.Client) -> str:
    client.post("/v1/collections", json={"name": "lighthouse"})
    return "lighthouse"
