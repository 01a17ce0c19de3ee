"""`cairn ingest`: many files, again and again, through everything that interrupts them."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.server import KEY, ROOT, Server, running, upload

PATIENCE_S = 400


@pytest.fixture
def own(tmp_path: Path) -> dict[str, str]:
    """Folders of a person who never used it before."""
    return {f"XDG_{kind}_HOME": str(tmp_path / kind.lower()) for kind in ("CONFIG", "STATE")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "documents"
    path.mkdir()
    return path


def _write(folder: Path, count: int, what: str = "") -> list[Path]:
    files = [folder / f"{number:03}.md" for number in range(count)]
    for number, file in enumerate(files):
        file.write_text(f"# Pump {number} {what}\n\nThe pump with the number {number} stands in hall {number % 7}.\n")
    return files


def _started(server: Server | None, own: dict[str, str], *words: str, **more: str) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CAIRN_", "INNGEST_"))}
    at = {"CAIRN_URL": server.url, "CAIRN_API_KEY": KEY} if server else {}
    return subprocess.Popen(
        [sys.executable, "-m", "app.cli", *words],
        env={**clean, "PYTHONPATH": str(ROOT), **own, **at, **more},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _cairn(
    server: Server | None, own: dict[str, str], *words: str, said: str = "", **more: str
) -> tuple[int, str, str]:
    process = _started(server, own, *words, **more)
    try:
        out, err = process.communicate(said, timeout=PATIENCE_S)
    finally:
        process.kill()
    return process.returncode, out, err


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def _documents(client: httpx.Client, collection: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        query = {"collection": collection, "limit": "200"} | ({"cursor": cursor} if cursor else {})
        page = client.get("/v1/documents", params=query).json()
        found += page["documents"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


@contextmanager
def _collection(client: httpx.Client, name: str) -> Iterator[str]:
    assert client.post("/v1/collections", json={"name": name}).status_code == 201
    yield name


def test_ctrl_c_and_then_the_same_command_sends_each_file_once(
    server: Server, client: httpx.Client, own: dict[str, str], folder: Path
) -> None:
    files = _write(folder, 120)
    with _collection(client, "interrupted") as name:
        words = ("ingest", str(folder), "-c", name, "-j", "2", "--json", "--no-wait")
        process = _started(server, own, *words)
        _until(lambda: len(_documents(client, name)) >= 10)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 130, err
        first = json.loads(out)
        assert first["interrupted"]
        assert 10 <= first["counts"]["sent"] < len(files), "it was to be interrupted in the middle"
        assert first["left"] == len(files) - first["counts"]["sent"]
        assert len(_documents(client, name)) == first["counts"]["sent"], "all that arrived was told of"

        code, out, err = _cairn(server, own, *words)
        assert code == 0, err
        second = json.loads(out)
        assert second["counts"] == {"known": first["counts"]["sent"], "sent": first["left"]}
    documents = _documents(client, "interrupted")
    assert sorted(each["title"] for each in documents) == sorted(file.stem for file in files)
    code, out, err = _cairn(server, own, "ingest", str(folder), "-c", "interrupted")
    assert (code, "120 there already" in out) == (0, True), out + err


def test_a_server_that_dies_under_it_is_waited_for(own: dict[str, str], folder: Path, tmp_path: Path) -> None:
    _write(folder, 40)
    with running(tmp_path / "data") as server, server.client() as client:
        process = _started(server, own, "ingest", str(folder), "--json")
        _until(lambda: len(_documents(client, "default")) >= 10)
        server.kill()
        server.start()
        out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, err
        assert sum(json.loads(out)["counts"].values()) == 40
        assert len(_documents(client, "default")) == 40


def test_changed_renamed_and_removed_files(
    server: Server, client: httpx.Client, own: dict[str, str], folder: Path
) -> None:
    files = _write(folder, 4)
    with _collection(client, "changing") as name:
        words = ("ingest", str(folder), "-c", name, "--json", "--delete")
        assert _cairn(server, own, *words)[0] == 0
        before = {each["title"]: each["id"] for each in _documents(client, name)}
        files[0].write_text("# Pump 0\n\nIt was scrapped.\n")
        files[1].rename(folder / "elsewhere.md")
        files[2].unlink()
        code, out, err = _cairn(server, own, *words)
        assert code == 0, err
        told = json.loads(out)
        assert told["counts"] == {"ready": 1, "known": 2}
        assert told["deleted"] == [before["002"]]
        after = {each["id"]: each for each in _documents(client, name)}
        assert set(after) == {before["000"], before["001"], before["003"]}, (
            "a changed file is its document's new version"
        )
        files[3].unlink()
        files[0].unlink()
        (folder / "elsewhere.md").unlink()
        code, out, err = _cairn(server, own, *words)
        assert (code, json.loads(out)["deleted"]) == (0, []), "an empty folder may be one that is not mounted"
        assert "not be mounted" in err


def test_a_file_that_is_refused_stops_no_other(
    server: Server, client: httpx.Client, own: dict[str, str], folder: Path
) -> None:
    _write(folder, 5)
    (folder / "program.exe").write_bytes(b"MZ\x90\x00" + bytes(200))
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\nthis is no PDF\n%%EOF\n")
    (folder / ".hidden.md").write_text("not yet")
    (folder / "growing.md.part").write_text("not yet")
    with _collection(client, "mixed") as name:
        code, out, err = _cairn(server, own, "ingest", str(folder), "-c", name)
        assert code == 1
        assert "program.exe" in err
        assert "unsupported_type" in err
        assert "broken.pdf" in err
        assert "5 can be searched" in out
        assert len(_documents(client, name)) <= 6


def test_a_watched_folder(server: Server, client: httpx.Client, own: dict[str, str], folder: Path) -> None:
    _write(folder, 2)
    with _collection(client, "watched") as name:
        words = ("ingest", str(folder), "-c", name, "--watch", "--delete", "--settle", "0.5", "--json", "--no-wait")
        process = _started(server, own, *words)

        def titles() -> dict[str, str]:
            return {each["title"]: each["latest_version"]["sha256"] for each in _documents(client, name)}

        _until(lambda: len(titles()) == 2)
        (folder / "new").mkdir()
        (folder / "new" / "late.md").write_text("# Late\n\nIt came late.\n")
        _until(lambda: "late" in titles())
        before = titles()["000"]
        (folder / "000.md").write_text("# Pump 0\n\nIt is another one now.\n")
        _until(lambda: titles()["000"] != before)
        (folder / "001.md").unlink()
        _until(lambda: "001" not in titles())
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, err
        assert sum(len(json.loads(line)["files"]) for line in out.splitlines()) == 4
        assert len(_documents(client, name)) == 2


def test_readers_are_said_once(server: Server, client: httpx.Client, own: dict[str, str], folder: Path) -> None:
    _write(folder, 2)
    with _collection(client, "board") as name:
        words = ("ingest", str(folder), "-c", name, "--json", "--no-wait", "--reader", "group:board")
        assert json.loads(_cairn(server, own, *words)[1])["counts"] == {"sent": 2}
        assert {tuple(each["readers"]) for each in _documents(client, name)} == {("group:board", "user:admin")}
        assert json.loads(_cairn(server, own, *words)[1])["counts"] == {"known": 2}


def test_contents_are_asked_for_by_their_hash(client: httpx.Client, folder: Path) -> None:
    (file,) = _write(folder, 1, "asked for")
    document = upload(client, file)
    sha256 = client.get(f"/v1/documents/{document['document_id']}").json()["latest_version"]["sha256"]
    found = client.get("/v1/documents", params={"sha256": [sha256, "0" * 64]}).json()["documents"]
    assert [each["id"] for each in found] == [document["document_id"]]
    assert client.get("/v1/documents", params={"sha256": "0" * 64}).json()["documents"] == []
    assert client.get("/v1/documents", params={"sha256": "xyz"}).status_code == 422


def test_a_login_is_kept_for_its_owner_and_its_server_alone(
    server: Server, own: dict[str, str], tmp_path: Path
) -> None:
    path = Path(own["XDG_CONFIG_HOME"]) / "cairn" / "credentials.json"
    data = {"CAIRN_DATA_DIR": str(tmp_path / "no-server-here")}
    code, _, err = _cairn(None, own, "login", server.url, said="a-wrong-key\n")
    assert (code, "unauthenticated" in err, path.exists()) == (4, True, False)
    assert _cairn(None, own, "login", f"{server.url}/", said=f"{KEY}\n")[0] == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    code, out, err = _cairn(None, own, "whoami", "--json", **data)
    assert (code, json.loads(out)["server"], json.loads(out)["user"]) == (0, server.url, "admin"), err
    code, _, err = _cairn(None, own, "collections", "list", **data, CAIRN_URL="http://localhost:9")
    assert (code, "no key for http://localhost:9" in err) == (4, True)
    path.chmod(0o644)
    code, _, err = _cairn(None, own, "collections", "list", **data)
    assert (code, "chmod 600" in err) == (1, True)
    path.chmod(0o600)
    assert _cairn(None, own, "logout")[0] == 0
    assert not path.exists()
    assert _cairn(None, own, "collections", "list", **data)[0] == 4


def test_exit_codes(server: Server, own: dict[str, str]) -> None:
    assert _cairn(server, own, "ask")[0] == 2
    assert _cairn(server, own, "search", "x", "-c", "nowhere")[0] == 1
    assert _cairn(server, own, "search", "x", CAIRN_API_KEY="another")[0] == 4
    assert _cairn(server, own, "search", "x", CAIRN_URL="http://127.0.0.1:9")[0] == 3
    assert _cairn(server, own, "search", "x", "-c", "default", "-c", "default")[0] == 0
