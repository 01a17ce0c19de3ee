"""A bucket that is watched: documents are as its objects are, whatever happens to it or to us."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from tests.e2e.folders import WORDS, add, cairn, counts, documents, killed_during_a_pass, settled, sync, titles
from tests.e2e.server import Server, finished

SECRET = "the-secret-of-the-archive"
CONNECTIONS = """
[archive]
kind = "s3"
url = "{url}"
bucket = "papers"
access_key = "AKIATEST"
secret_key = "{secret}"
"""


@dataclass
class Bucket:
    s3: Any

    def put(self, key: str, word: str, times: int = 6) -> None:
        body = f"# About {word}\n\n" + f"The {word} rests in the northern archive. " * times
        self.s3.put_object(Bucket="papers", Key=key, Body=body.encode())

    def move(self, key: str, to: str) -> None:
        self.s3.copy_object(Bucket="papers", Key=to, CopySource={"Bucket": "papers", "Key": key})
        self.delete(key)

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket="papers", Key=key)


@pytest.fixture
def endpoint() -> Iterator[str]:
    moto = ThreadedMotoServer("127.0.0.1", 0)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def bucket(endpoint: str) -> Bucket:
    keys = {"aws_access_key_id": "AKIATEST", "aws_secret_access_key": SECRET}
    s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys)
    for each in s3.list_buckets()["Buckets"]:  # moto keeps its own between servers of one process
        for found in s3.list_objects_v2(Bucket=each["Name"]).get("Contents", ()):
            s3.delete_object(Bucket=each["Name"], Key=found["Key"])
        s3.delete_bucket(Bucket=each["Name"])
    s3.create_bucket(Bucket="papers")
    return Bucket(s3)


@pytest.fixture
def server(tmp_path: Path, endpoint: str) -> Iterator[Server]:
    file = tmp_path / "connections.toml"
    file.write_text(CONNECTIONS.format(url=endpoint, secret=SECRET))
    started = Server(tmp_path / "data", {"CAIRN_SYNC_CONNECTIONS": str(file), "CAIRN_RETRY_WAIT_S": "0.2"}).start()
    yield started
    started.stop()


def _add(client: httpx.Client) -> dict[str, Any]:
    return add(client, "s3://archive/notes")


def test_new_changed_moved_and_removed_objects(server: Server, bucket: Bucket) -> None:
    for key, word in zip(("notes/one.md", "notes/deep/two.md", "notes/three.md", "elsewhere.md"), WORDS, strict=False):
        bucket.put(key, word)
    with server.client() as client:
        source = _add(client)
        assert (source["path"], counts(source)) == ("s3://archive/notes", {"files": 3, "new": 3})
        first = documents(client)
        assert set(first) == {"one.md", "deep/two.md", "three.md"}

        bucket.put("notes/one.md", WORDS[4])
        bucket.move("notes/deep/two.md", "notes/moved.md")
        bucket.delete("notes/three.md")
        bucket.put("notes/empty.md", "x", times=0)
        bucket.s3.put_object(Bucket="papers", Key="notes/program.bin", Body=bytes(range(256)))
        source = sync(client, source)
        assert counts(source) == {"files": 4, "new": 1, "changed": 1, "moved": 1, "removed": 1, "refused": 1}
        second = documents(client)
        assert second["moved.md"]["id"] == first["deep/two.md"]["id"]
        assert second["moved.md"]["active_version_id"] == first["deep/two.md"]["active_version_id"]
        assert second["one.md"]["id"] == first["one.md"]["id"]
        assert titles(client, WORDS[4]) == {"one.md"}
        assert titles(client, WORDS[2]) == set()
        assert counts(sync(client, source)) == {"files": 4}
        assert documents(client) == second


def test_an_empty_or_missing_bucket_deletes_nothing(server: Server, bucket: Bucket) -> None:
    bucket.put("notes/one.md", WORDS[0])
    bucket.put("notes/two.md", WORDS[1])
    with server.client() as client:
        source = _add(client)
        for key in ("notes/one.md", "notes/two.md"):
            bucket.delete(key)
        assert sync(client, source, "failed")["job"]["error"]["code"] == "source_missing"
        bucket.s3.delete_bucket(Bucket="papers")
        for trusting in (False, True):
            failed = sync(client, source, "failed", accept_removals=trusting)
            assert failed["job"]["error"]["code"] == "source_missing", "a bucket that is gone is no empty one"
        assert set(documents(client)) == {"one.md", "two.md"}
        bucket.s3.create_bucket(Bucket="papers")
        assert counts(sync(client, source, accept_removals=True)) == {"removed": 2}


@pytest.mark.parametrize("moment", ["list-files", "a file"])
def test_a_kill_in_the_middle_of_a_pass_loses_and_doubles_nothing(server: Server, bucket: Bucket, moment: str) -> None:
    for number in range(6):
        bucket.put(f"notes/{number}.md", f"word{number}", times=2)
    with server.client() as client:
        source = _add(client)
        before = documents(client)
        bucket.delete("notes/0.md")
        bucket.move("notes/1.md", "notes/moved.md")
        bucket.put("notes/2.md", "changed", times=2)
        for number in range(8):
            bucket.put(f"notes/new-{number}.md", f"fresh{number}", times=2)
        job_id = killed_during_a_pass(server, client, source, moment)
    server.start()
    with server.client() as client:
        finished(client, job_id)
        settled(client, source["id"])
        after = documents(client)
        kept = {"moved.md", *(f"{number}.md" for number in range(2, 6)), *(f"new-{number}.md" for number in range(8))}
        assert set(after) == kept
        assert after["moved.md"]["id"] == before["1.md"]["id"]
        assert after["2.md"]["active_version_id"] != before["2.md"]["active_version_id"]
        assert {each["status"] for each in after.values()} == {"ready"}


def test_the_command_line_names_the_connection_and_nobody_sees_its_secret(server: Server, bucket: Bucket) -> None:
    bucket.put("notes/one.md", WORDS[0])
    added = cairn(server, "sources", "add", "s3://archive/notes/")
    assert added.returncode == 0, added.stderr
    assert "s3://archive/notes: 1 files, 1 new" in added.stdout
    refused = cairn(server, "sources", "add", "s3://elsewhere/notes")
    assert (refused.returncode, "source_not_allowed" in refused.stderr) == (1, True)
    off = cairn(server, "sources", "add", "confluence:wiki/ENG")
    assert (off.returncode, "sync_off" in off.stderr) == (1, True)
    again = cairn(server, "sources", "add", "s3://archive")
    assert "source_exists" in again.stderr
    server.stop()
    for path in server.data_dir.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
