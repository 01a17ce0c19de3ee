"""A bucket as a source: `s3://NAME/PREFIX`, where NAME is a connection of the operator's. An object's ETag is its mark.

ListObjectsV2, GetObject, HeadObject (https://docs.aws.amazon.com/AmazonS3/latest/API/). A bucket's own access lists name
accounts of its provider and not people, so its documents have the readers of their source.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from app.adapters.fetched import Fetched, fetched
from app.adapters.source_connections import Connections, S3Connection
from pipelines.domain.intake_errors import (
    FileBlocked,
    FileUnavailable,
    SourceMissing,
    SourceNotAllowed,
    SourceTooLarge,
    SourceUnavailable,
)
from pipelines.domain.sources import ListedFile, Listing, Seen, is_passing, time_ns

_BLOCK = 1024 * 1024
_ABSENT = {"NoSuchKey", "NotFound", "404"}
_CLOSED = {"NoSuchBucket", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "AllAccessDisabled", "403"}
_ARCHIVED = "InvalidObjectState"


class S3Source:
    """SourceReader of pipelines/ports.py. `folder` holds what is being read."""

    def __init__(
        self, connections: Connections, folder: Path, max_file_bytes: int, *, most_files: int = 500_000
    ) -> None:
        self._connections = connections
        self._folder = folder
        self._max_file_bytes = max_file_bytes
        self._most_files = most_files
        self._clients: dict[str, Any] = {}
        self._making = threading.Lock()  # boto3's own session is not to be shared while it makes a client

    def allowed(self, tenant_id: str, place: str) -> str:
        name, prefix = _parts(place)
        bucket = self._bucket(tenant_id, name)
        with _translated(whole=True):
            bucket.s3.list_objects_v2(Bucket=bucket.name, Prefix=_folder(prefix), MaxKeys=1)
        return f"s3://{name}/{prefix}" if prefix else f"s3://{name}"

    def listing(self, tenant_id: str, place: str, seen: Seen) -> Listing:  # noqa: ARG002 - buckets list all they have
        name, prefix = _parts(place)
        bucket, start = self._bucket(tenant_id, name), _folder(prefix)
        files: list[ListedFile] = []
        with _translated(whole=True):
            for page in bucket.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket.name, Prefix=start):
                found = (_listed(each, start) for each in page.get("Contents", ()))
                files += [file for file in found if not any(is_passing(part) for part in file.path.split("/"))]
                if len(files) > self._most_files:
                    raise SourceTooLarge(f"A source may have {self._most_files:,} files at most.")
        return Listing(tuple(file for file in files if file.path and not file.path.endswith("/")), ())

    @contextmanager
    def open(self, tenant_id: str, place: str, file: ListedFile) -> Iterator[Fetched]:
        name, prefix = _parts(place)
        bucket, start = self._bucket(tenant_id, name), _folder(prefix)
        with _translated():
            answer = bucket.s3.get_object(Bucket=bucket.name, Key=start + file.path)
        now = _listed({**answer, "Key": start + file.path, "Size": answer["ContentLength"]}, start)

        def blocks() -> Iterator[bytes]:
            with _translated():
                yield from answer["Body"].iter_chunks(_BLOCK)

        try:
            with fetched(self._folder, now, file.path.rpartition("/")[2], blocks(), self._max_file_bytes) as content:
                yield content
        finally:
            answer["Body"].close()

    def exists(self, tenant_id: str, place: str, path: str) -> bool:
        name, prefix = _parts(place)
        bucket = self._bucket(tenant_id, name)
        try:
            with _translated():
                bucket.s3.head_object(Bucket=bucket.name, Key=_folder(prefix) + path)
        except FileNotFoundError:
            return False
        except (FileUnavailable, FileBlocked, SourceUnavailable):
            return True
        return True

    def _bucket(self, tenant_id: str, name: str) -> _Bucket:
        connection = self._connections.of(S3Connection, tenant_id, name)
        with self._making:
            if name not in self._clients:
                self._clients[name] = _client(connection)
            return _Bucket(self._clients[name], connection.bucket)


class _Bucket:
    def __init__(self, s3: Any, name: str) -> None:
        self.s3 = s3
        self.name = name


def _client(connection: S3Connection) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=connection.url,
        aws_access_key_id=connection.access_key,
        aws_secret_access_key=connection.secret_key.get_secret_value(),
        region_name=connection.region,
        config=Config(
            connect_timeout=5,
            read_timeout=60,
            retries={"mode": "standard", "max_attempts": 3},
            proxies={},  # the environment's would be a way out that nobody named here
            s3={"addressing_style": "path"},
            response_checksum_validation="when_required",  # others than AWS know only the old ones
        ),
    )


def _parts(place: str) -> tuple[str, str]:
    """Name of the connection, and the folder in its bucket. Raises SourceNotAllowed."""
    scheme, _, rest = place.partition("://")
    name, _, prefix = rest.partition("/")
    prefix = prefix.strip("/")
    if (
        scheme != "s3"
        or not name
        or any(not part.isprintable() or part in ("", ".", "..") for part in prefix.split("/") if prefix)
    ):
        raise SourceNotAllowed("Name the bucket as s3://CONNECTION/FOLDER.")
    return name, prefix


def _folder(prefix: str) -> str:
    return f"{prefix}/" if prefix else ""


def _listed(found: Any, start: str) -> ListedFile:
    mtime_ns = time_ns(found["LastModified"])
    return ListedFile(found["Key"].removeprefix(start), found["Size"], mtime_ns, found["ETag"].strip('"'))


@contextmanager
def _translated(*, whole: bool = False) -> Iterator[None]:
    """`whole`: of the bucket, and not of an object in it."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code"))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _ABSENT and not whole:
            raise FileNotFoundError(code) from None
        if code == _ARCHIVED:
            raise FileBlocked("The object is archived. Restore it first.") from None
        if code in _CLOSED or code in _ABSENT:
            raise SourceMissing("The bucket is not there, or its connection may not read it.") from None
        if status >= 500 or status == 429:
            raise SourceUnavailable(f"The bucket refused a request: {code}.") from error
        raise FileUnavailable(f"The bucket refused a request: {code}.") from error
    except (BotoCoreError, OSError, RecursionError) as error:  # botocore asks for ever where it is sent on for ever
        raise SourceUnavailable(f"The bucket does not answer: {type(error).__name__}.") from error
