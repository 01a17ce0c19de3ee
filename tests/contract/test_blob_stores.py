"""The promises of Blobs (pipelines/ports.py), kept by a folder and by a bucket of a real S3 server."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from app.adapters.blobs import FolderBlobs
from app.adapters.s3_blobs import S3Blobs
from pipelines.domain.errors import ConfigurationError, StorageUnavailable

KEYS = {"access_key": "AKIATEST", "secret_key": "secret"}


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3: str) -> str:
    name = f"cairn-{uuid.uuid4().hex}"
    _administrator(s3).create_bucket(Bucket=name)
    return f"{s3}/{name}"


@pytest.fixture(params=["folder", "bucket"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FolderBlobs | S3Blobs]:
    opened: FolderBlobs | S3Blobs
    if request.param == "folder":
        opened = FolderBlobs(tmp_path / "files")
    else:
        opened = S3Blobs(request.getfixturevalue("bucket"), tmp_path / "fetched", **KEYS)
    opened.open()
    yield opened
    opened.close()


def _administrator(url: str) -> Any:
    named = {"aws_access_key_id": KEYS["access_key"], "aws_secret_access_key": KEYS["secret_key"]}
    return boto3.client("s3", endpoint_url=url, region_name="us-east-1", **named)


async def test_what_was_put_is_there_until_it_is_deleted(blobs: FolderBlobs | S3Blobs) -> None:
    await blobs.put("originals/ver_1", b"one")
    await blobs.put("originals/ver_1", b"two")  # a step may run twice
    await blobs.put("redacted/ver_1/pymupdf-1.28/policy_x", b"")
    assert await blobs.get("originals/ver_1") == b"two"
    assert await blobs.get("redacted/ver_1/pymupdf-1.28/policy_x") == b""
    assert await blobs.exists("originals/ver_1")
    async with blobs.local("originals/ver_1") as path:
        assert path.read_bytes() == b"two"
    await blobs.delete("originals/ver_1")
    assert not await blobs.exists("originals/ver_1")


async def test_what_is_not_there_is_a_key_error(blobs: FolderBlobs | S3Blobs) -> None:
    with pytest.raises(KeyError):
        await blobs.get("originals/ver_1")
    with pytest.raises(KeyError):
        async with blobs.local("originals/ver_1"):
            pass
    assert not await blobs.exists("originals/ver_1")
    assert await blobs.keys("originals") == []
    await blobs.delete("originals/ver_1")
    await blobs.delete("never/there/at/all")


async def test_a_prefix_means_what_lies_below_it_and_not_what_begins_alike(blobs: FolderBlobs | S3Blobs) -> None:
    for key in ("parsed/ver_1/000001", "parsed/ver_1/sub/000017", "parsed/ver_10/000001", "originals/ver_1"):
        await blobs.put(key, b"x")
    assert await blobs.keys("parsed/ver_1") == ["parsed/ver_1/000001", "parsed/ver_1/sub/000017"]
    assert await blobs.keys("parsed/ver_1/") == ["parsed/ver_1/000001", "parsed/ver_1/sub/000017"]
    assert await blobs.keys("originals/ver_1") == ["originals/ver_1"]
    await blobs.delete("parsed/ver_1/")
    assert await blobs.keys("parsed") == ["parsed/ver_10/000001"]
    assert await blobs.exists("originals/ver_1")


async def test_readers_see_a_whole_file_while_it_is_replaced(blobs: FolderBlobs | S3Blobs) -> None:
    contents = [bytes([number]) * 1_000_000 for number in range(2)]
    await blobs.put("originals/ver_1", contents[0])

    async def replace() -> None:
        for number in range(20):
            await blobs.put("originals/ver_1", contents[number % 2])

    async def read() -> None:
        for _ in range(40):
            assert await blobs.get("originals/ver_1") in contents

    await asyncio.gather(replace(), read(), read())


@pytest.mark.parametrize(
    "key", ["", "/", "..", "../outside", "originals/../../outside", "/etc/passwd", "a\0b", ".hidden", "a\n"]
)
async def test_what_is_no_key_is_refused(blobs: FolderBlobs | S3Blobs, key: str, tmp_path: Path) -> None:
    """Nor is everything deleted by an empty prefix."""
    await blobs.put("kept", b"x")
    for work in (
        blobs.put(key, b""),
        blobs.put_file(key, tmp_path),
        blobs.get(key),
        blobs.delete(key),
        blobs.keys(key),
    ):
        with pytest.raises(ValueError, match="not a key"):
            await work
    assert await blobs.get("kept") == b"x"


async def test_a_large_file_arrives_whole_and_is_gone_from_where_it_lay(
    blobs: FolderBlobs | S3Blobs, tmp_path: Path
) -> None:
    source = tmp_path / "upload"
    content = bytes(range(256)) * 4096 * 20  # 20 MiB: of several parts
    source.write_bytes(content)
    await blobs.put_file("originals/ver_1", source)
    assert not source.exists()
    async with blobs.local("originals/ver_1") as path:
        assert path.read_bytes() == content
    assert await blobs.get("originals/ver_1") == content


async def test_more_files_than_one_request_names_are_listed_and_deleted(blobs: FolderBlobs | S3Blobs) -> None:
    names = [f"parsed/ver_1/{number:06}" for number in range(1_100)]
    for first in range(0, len(names), 50):
        await asyncio.gather(*(blobs.put(name, b"x") for name in names[first : first + 50]))
    assert await blobs.keys("parsed/ver_1") == names
    await blobs.delete("parsed/ver_1")
    assert await blobs.keys("parsed") == []


async def test_old_files_are_told_from_new_ones(blobs: FolderBlobs | S3Blobs) -> None:
    await blobs.put("originals/ver_1", b"x")
    now = datetime.now(UTC)
    assert await blobs.keys("originals", now - timedelta(hours=1)) == []
    assert await blobs.keys("originals", now + timedelta(hours=1)) == ["originals/ver_1"]


async def test_nothing_stays_of_what_was_read(bucket: str, tmp_path: Path) -> None:
    blobs = S3Blobs(bucket, tmp_path / "fetched", **KEYS)
    blobs.open()
    await blobs.put("originals/ver_1", b"one")
    with pytest.raises(ZeroDivisionError):
        async with blobs.local("originals/ver_1"):
            raise ZeroDivisionError
    assert list((tmp_path / "fetched").iterdir()) == []


def test_a_bucket_that_keeps_old_versions_is_refused(s3: str, bucket: str, tmp_path: Path) -> None:
    name = bucket.rpartition("/")[2]
    _administrator(s3).put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    with pytest.raises(ConfigurationError, match="old versions"):
        S3Blobs(bucket, tmp_path, **KEYS).open()


async def test_a_server_or_bucket_that_is_not_there_is_a_clear_error(s3: str, tmp_path: Path) -> None:
    for url in ("http://127.0.0.1:9/cairn", f"{s3}/no-such-bucket"):
        blobs = S3Blobs(url, tmp_path, **KEYS)
        with pytest.raises(StorageUnavailable):
            await blobs.put("originals/ver_1", b"x")
        with pytest.raises(StorageUnavailable):
            await blobs.keys("originals")
