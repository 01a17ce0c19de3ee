"""A backup of a running server, its destruction, and everything back: in the same kind of system and in the other."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from app.adapters.signing import Ed25519Signer
from tests.chroma_server import ChromaServer
from tests.e2e.server import KEY, ROOT, finished, running, upload
from tests.postgres_server import empty_database

QUESTIONS = (
    "How many days of paid leave do employees get each year?",
    "When does the gate close?",
    "Who may enter the archive?",
)
SIGNING_KEY = "5e" * 32


def cairn(data_dir: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CAIRN_", "INNGEST_"))}
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        cwd=ROOT,
        env={
            **kept,
            "CAIRN_DATA_DIR": str(data_dir),
            "CAIRN_OLLAMA_URL": "",
            "CAIRN_BOOTSTRAP_KEY": KEY,
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def _asked(client: httpx.Client, query: str) -> dict[str, Any]:
    """The answer as it is when the vectors answer in time."""
    deadline = time.monotonic() + 120
    while True:
        answer: dict[str, Any] = client.post("/v1/query", json={"query": query, "stream": False}).json()
        if answer["degraded"] == [] or time.monotonic() > deadline:
            return answer
        time.sleep(1)


def seen(client: httpx.Client) -> dict[str, Any]:
    """What people see of a system; not what passes."""
    documents = client.get("/v1/documents").json()["documents"]
    asked = [_asked(client, query) for query in QUESTIONS]
    answers = [
        {name: answer[name] for name in ("text", "citations", "abstained", "grounded", "degraded")} for answer in asked
    ]
    chunks = [client.get(f"/v1/documents/{each['id']}/chunks").json() for each in documents]
    return {"documents": documents, "answers": answers, "chunks": chunks}


@pytest.fixture(scope="module")
def made(handbook: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], str]:
    """A backup of a server that went on, what it showed, and its last erasure; the server is no more."""
    folder = tmp_path_factory.mktemp("backup")
    gate, secret = folder / "gate.md", folder / "archive.md"
    gate.write_text("# Gate\n\nThe gate closes at nine in the evening, on Sundays at six.\n")
    secret.write_text("# Archive\n\nOnly the two archivists may enter the archive.\n")
    with running(folder / "data", CAIRN_SIGNING_KEY=SIGNING_KEY) as server, server.client() as client:
        finished(client, upload(client, handbook)["job_id"])
        finished(client, upload(client, gate, metadata='{"department": "site"}')["job_id"])
        finished(client, upload(client, secret, readers="group:archivists")["job_id"])
        gone = folder / "gone.md"
        gone.write_text("The kiosk sells zwieback.\n")
        removed = upload(client, gone)
        finished(client, removed["job_id"])
        deletion = client.delete(f"/v1/documents/{removed['document_id']}").json()
        finished(client, deletion["job_id"])
        before = seen(client)
        done = cairn(server.data_dir, "backup", str(folder / "backups"), "--json", CAIRN_SIGNING_KEY=SIGNING_KEY)
        assert done.returncode == 0, done.stderr
        late = folder / "late.md"
        late.write_text("What came after the backup is not in it.\n")
        finished(client, upload(client, late)["job_id"])  # it went on
        server.kill()
    shutil.rmtree(folder / "data")
    return Path(json.loads(done.stdout)["folder"]), before, deletion["erasure_id"]


def test_everything_is_back_in_an_empty_folder(made: tuple[Path, dict[str, Any], str], tmp_path: Path) -> None:
    backup, before, erasure = made
    data = tmp_path / "data"
    done = cairn(data, "restore", str(backup), CAIRN_SIGNING_KEY=SIGNING_KEY)
    assert done.returncode == 0, done.stderr
    with running(data, CAIRN_SIGNING_KEY=SIGNING_KEY) as server, server.client() as client:
        assert seen(client) == before
        address = {"CAIRN_URL": server.url, "CAIRN_API_KEY": KEY}
        for command in (("audit", "verify"), ("erasures", "show", erasure)):
            checked = cairn(data, *command, **address)
            assert checked.returncode == 0, checked.stdout + checked.stderr
        jobs = client.get("/v1/jobs").json()["jobs"]
        (reconcile,) = [each for each in jobs if each["kind"] == "reconcile-tenant"]
        finished(client, reconcile["id"])
        again = cairn(tmp_path / "data", "restore", str(backup))
        assert again.returncode == 1
        assert "in use" in again.stderr
    occupied = cairn(data, "restore", str(backup))
    assert (occupied.returncode, "not empty" in occupied.stderr) == (1, True)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[dict[str, str]]:
    """PostgreSQL, a Chroma server and a bucket, all empty."""
    chroma, s3 = ChromaServer(tmp_path / "chroma"), ThreadedMotoServer("127.0.0.1", 0)
    with empty_database() as (url, _):
        chroma.start()
        s3.start()
        host, port = s3.get_host_and_port()
        keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
        administrator = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1", **keys)
        administrator.create_bucket(Bucket="cairn")
        yield {
            "CAIRN_DATABASE_URL": url,
            "CAIRN_CHROMA_URL": chroma.url,
            "CAIRN_BLOB_URL": f"http://{host}:{port}/cairn",
            "CAIRN_BLOB_ACCESS_KEY": "key",
            "CAIRN_BLOB_SECRET_KEY": "secret",
            "CAIRN_SIGNING_KEY": SIGNING_KEY,
        }
        s3.stop()
        chroma.kill()


def test_a_folder_moves_to_a_cluster_and_back_with_its_vectors(
    made: tuple[Path, dict[str, Any], str], cluster: dict[str, str], tmp_path: Path
) -> None:
    backup, before, _ = made
    done = cairn(tmp_path / "node", "restore", str(backup), **cluster)
    assert done.returncode == 0, done.stderr
    with running(tmp_path / "node", **cluster) as server, server.client() as client:
        jobs = client.get("/v1/jobs").json()["jobs"]
        finished(
            client, next(each["id"] for each in jobs if each["kind"] == "reconcile-tenant")
        )  # the vectors are made again
        assert seen(client) == before
        checked = cairn(tmp_path, "audit", "verify", CAIRN_URL=server.url, CAIRN_API_KEY=KEY)
        assert checked.returncode == 0, checked.stdout
        out = cairn(tmp_path / "node", "backup", str(tmp_path / "out"), "--json", **cluster)
        assert out.returncode == 0, out.stderr
    second = Path(json.loads(out.stdout)["folder"])
    manifest = json.loads((second / "manifest.json").read_text())
    assert sum(manifest["vectors"].values()) == sum(len(each["chunks"]) for each in before["chunks"])
    home = tmp_path / "home"
    back = cairn(home, "restore", str(second), CAIRN_SIGNING_KEY=SIGNING_KEY)
    assert back.returncode == 0, back.stderr
    with running(home, CAIRN_SIGNING_KEY=SIGNING_KEY) as server, server.client() as client:
        assert seen(client) == before  # at once: vectors came along


@pytest.mark.parametrize("harm", ["flip", "remove", "add", "manifest", "nothing"])
def test_a_backup_that_is_not_whole_changes_nothing(
    made: tuple[Path, dict[str, Any], str], tmp_path: Path, harm: str
) -> None:
    backup, data = tmp_path / "copy", tmp_path / "data"
    shutil.copytree(made[0], backup)
    victim = next(path for path in sorted((backup / "files").rglob("*")) if path.is_file())
    if harm == "flip":
        victim.write_bytes(bytes([victim.read_bytes()[0] ^ 1]) + victim.read_bytes()[1:])
    elif harm == "remove":
        victim.unlink()
    elif harm == "add":
        (backup / "files/originals/ver_forged").write_text("forged")
    elif harm == "manifest":
        stated = (backup / "manifest.json").read_text()
        (backup / "manifest.json").write_text(stated.replace('"format": 1', '"format": 1, "note": "forged"'))
    else:
        (backup / "manifest.json").unlink()
    done = cairn(data, "restore", str(backup), CAIRN_SIGNING_KEY=SIGNING_KEY)
    assert done.returncode == 1
    assert "backup_unusable" in done.stderr
    assert not list((data / "files").rglob("ver_*"))


def test_a_backup_that_another_key_signed_is_refused_and_an_unknown_one_is_named(
    made: tuple[Path, dict[str, Any], str], tmp_path: Path
) -> None:
    """Whoever changes a backup and signs it anew has another key than its owner."""
    forged, data = tmp_path / "forged", tmp_path / "data"
    shutil.copytree(made[0], forged)
    manifest = json.loads((forged / "manifest.json").read_text())
    whose = manifest["signature"]["key_id"]
    thief = Ed25519Signer(tmp_path / "thief")
    statement = {name: value for name, value in manifest.items() if name not in ("public_key", "signature")}
    signed = {**statement, "public_key": thief.public_key, "signature": thief.sign(statement)._asdict()}
    (forged / "manifest.json").write_text(json.dumps(signed))
    for arguments, environment in (((), {"CAIRN_SIGNING_KEY": SIGNING_KEY}), (("--key", whose), {})):
        refused = cairn(data, "restore", str(forged), *arguments, **environment)
        assert (refused.returncode, "backup_unusable" in refused.stderr, whose in refused.stderr) == (1, True, True)
        assert not list((data / "files").rglob("ver_*"))
    unknown = cairn(tmp_path / "nobody", "restore", str(forged), "--json")
    assert unknown.returncode == 0, unknown.stderr
    assert json.loads(unknown.stdout)["vouched"] is False
    assert "was not checked" in unknown.stderr
    for number, key in enumerate((whose, manifest["public_key"])):
        named = cairn(tmp_path / f"own-{number}", "restore", str(made[0]), "--key", key, "--json")
        assert named.returncode == 0, named.stderr
        assert (json.loads(named.stdout)["vouched"], "was not checked" in named.stderr) == (True, False)
