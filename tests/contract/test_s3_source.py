"""The promises of SourceReader (pipelines/ports.py) for buckets, on a real S3 server and on one that fails."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from app.adapters.s3_source import S3Source
from app.adapters.source_connections import Connections
from pipelines.domain.errors import CairnError, FileTooLarge
from pipelines.domain.intake_errors import (
    FileUnavailable,
    SourceMissing,
    SourceNotAllowed,
    SourceTooLarge,
    SourceUnavailable,
    SyncOff,
)
from pipelines.domain.sources import ListedFile, Seen
from tests.fakes.http_server import Reply, http_server

NOTHING = Seen(lambda _: "")
CONNECTION = """
[archive]
kind = "s3"
tenants = ["acme"]
url = "{url}"
bucket = "{bucket}"
access_key = "AKIATEST"
secret_key_file = "{secret}"
"""


@pytest.fixture(scope="module")
def s3() -> Iterator[tuple[str, Any]]:
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    yield (
        url,
        boto3.client(
            "s3",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="AKIATEST",
            aws_secret_access_key="secret",
        ),
    )
    server.stop()


def _source(folder: Path, url: str, bucket: str, **limits: int) -> S3Source:
    (folder / "secret").write_text("hush-hush\n")
    (folder / "connections.toml").write_text(CONNECTION.format(url=url, bucket=bucket, secret=folder / "secret"))
    connections = Connections.load(folder / "connections.toml", "main")
    assert connections.secrets == ["hush-hush"]
    return S3Source(connections, folder / "incoming", limits.pop("max_file_bytes", 1_000_000), **limits)


@pytest.fixture
def bucket(s3: tuple[str, Any]) -> tuple[str, str, Any]:
    name = f"papers-{uuid.uuid4().hex}"
    s3[1].create_bucket(Bucket=name)
    return s3[0], name, s3[1]


def _read(source: S3Source, place: str, path: str) -> tuple[bytes, ListedFile]:
    with source.open("acme", place, ListedFile(path, -1, -1)) as file:
        content = file.stream.read()
        file.rewind()
        assert file.stream.read() == content
        assert file.digest() == hashlib.sha256(content).hexdigest()
        return content, file.listed


def test_a_folder_of_a_bucket_is_listed_whole_and_its_objects_are_read(
    bucket: tuple[str, str, Any], tmp_path: Path
) -> None:
    url, name, s3 = bucket
    for number in range(1_005):  # more than a page
        s3.put_object(Bucket=name, Key=f"many/{number:04}.md", Body=b"x")
    for key in ("papers/a/ä b.md", "papers/.hidden.md", "papers/x.tmp", "papers/folder/", "papers-2/no.md", "top.md"):
        s3.put_object(Bucket=name, Key=key, Body=key.encode())
    source = _source(tmp_path, url, name)
    assert source.allowed("acme", "s3://archive/papers/") == "s3://archive/papers"
    (found,) = source.listing("acme", "s3://archive/papers", NOTHING).files
    content, opened = _read(source, "s3://archive/papers", "a/ä b.md")
    assert (found.path, found.size_bytes, content) == ("a/ä b.md", 16, "papers/a/ä b.md".encode())
    assert (opened.path, opened.size_bytes, opened.etag) == (found.path, found.size_bytes, found.etag)
    assert len(source.listing("acme", "s3://archive/many", NOTHING).files) == 1_005
    assert len(source.listing("acme", "s3://archive", NOTHING).files) == 1_008
    assert source.exists("acme", "s3://archive/papers", "a/ä b.md")
    assert not source.exists("acme", "s3://archive/papers", "never.md")
    with pytest.raises(FileNotFoundError):
        _read(source, "s3://archive/papers", "never.md")
    with pytest.raises(SourceTooLarge):
        _source(tmp_path, url, name, most_files=1_000).listing("acme", "s3://archive", NOTHING)
    with pytest.raises(FileTooLarge):
        _read(_source(tmp_path, url, name, max_file_bytes=15), "s3://archive/papers", "a/ä b.md")
    assert list((tmp_path / "incoming").iterdir()) == []


def test_a_connection_is_of_its_tenants_and_says_no_secret(bucket: tuple[str, str, Any], tmp_path: Path) -> None:
    url, name, _ = bucket
    source = _source(tmp_path, url, name)
    for tenant, place in (
        ("rival", "s3://archive"),
        ("main", "s3://archive"),
        ("acme", "s3://other"),
        ("acme", f"s3://{name}"),
        ("acme", "s3://"),
        ("acme", "s3://archive/../x"),
        ("acme", "s3:archive"),
    ):
        with pytest.raises(SourceNotAllowed):
            source.allowed(tenant, place)
    with pytest.raises(SyncOff):
        S3Source(Connections({}, "main"), tmp_path, 1).allowed("main", "s3://archive")
    for text in ("[x]\nkind = 's3'\nsecret_key = 'hush-hush'", "[x]\nsecret_key = 'hush-hush", "[X]\nkind = 'ftp'"):
        (tmp_path / "bad.toml").write_text(text)
        with pytest.raises(CairnError) as caught:
            Connections.load(tmp_path / "bad.toml", "main")
        assert caught.value.code == "configuration_error"
        assert "hush" not in str(caught.value)


def test_a_bucket_that_is_not_there_is_missing(bucket: tuple[str, str, Any], tmp_path: Path) -> None:
    source = _source(tmp_path, bucket[0], "never")
    for look in (
        lambda: source.allowed("acme", "s3://archive"),
        lambda: source.listing("acme", "s3://archive", NOTHING),
    ):
        with pytest.raises(SourceMissing):
            look()


@pytest.mark.parametrize(
    ("reply", "listing", "opening"),
    [
        (Reply(500, b"<Error><Code>InternalError</Code></Error>"), SourceUnavailable, SourceUnavailable),
        (Reply(403, b"<Error><Code>AccessDenied</Code></Error>"), SourceMissing, SourceMissing),
        (Reply(404, b"no xml"), SourceMissing, FileNotFoundError),
        (Reply(400, b"<Error><Code>Odd</Code></Error>"), FileUnavailable, FileUnavailable),
        (Reply(200, b"no xml at all"), SourceUnavailable, None),
        (
            Reply(200, b"x" * 1_000, {"ETag": '"x"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}, cut=10),
            SourceUnavailable,
            SourceUnavailable,
        ),
        (Reply(301, b"", {"Location": "http://169.254.169.254/latest/meta-data"}), None, None),
    ],
)
def test_a_bucket_that_fails_loses_nothing(
    tmp_path: Path, reply: Reply, listing: type[Exception] | None, opening: type[Exception] | None
) -> None:
    with http_server(lambda _: reply) as server:
        source = _source(tmp_path, server.url, "papers")
        with pytest.raises(listing or CairnError):
            source.listing("acme", "s3://archive", NOTHING)
        if opening or listing is None:
            with pytest.raises(opening or CairnError):
                _read(source, "s3://archive", "a.md")
        if reply.status == 500:
            assert source.exists("acme", "s3://archive", "a.md"), "it may be there"
        assert all(request.path.startswith("/papers") for request in server.asked)
