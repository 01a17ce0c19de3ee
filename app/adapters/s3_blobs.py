"""Files in a bucket that speaks S3 (SeaweedFS, MinIO, Ceph, AWS), for processes on several machines.

A put is one request, or a multipart upload whose last request makes the whole visible, so it is durable and atomic when it
returns (https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel).
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import boto3
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from app.adapters.blobs import checked_key
from pipelines.domain.errors import ConfigurationError, StorageFull, StorageUnavailable, storage_errors

R = TypeVar("R")

_ABSENT = {"NoSuchKey", "NotFound", "404"}
_FULL = {"507", "InsufficientStorage", "QuotaExceeded", "XMinioStorageFull", "EntityTooLarge"}
_BATCH = 1_000  # keys that one request may delete


class S3Blobs:
    """Blobs of pipelines/ports.py. `url` is http(s)://HOST/BUCKET; `folder` holds what is being read."""

    def __init__(self, url: str, folder: Path, *, access_key: str, secret_key: str, region: str = "us-east-1") -> None:
        parts = urlsplit(url)
        self._bucket = parts.path.strip("/")
        self._folder = folder
        self._s3: Any = boto3.client(
            "s3",
            endpoint_url=f"{parts.scheme}://{parts.netloc}",
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            region_name=region,
            config=Config(
                connect_timeout=5,
                read_timeout=60,
                retries={"mode": "standard", "max_attempts": 3},
                max_pool_connections=32,
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",  # others than AWS know only the old ones
                response_checksum_validation="when_required",
            ),
        )

    def open(self) -> None:
        """Raises ConfigurationError where a deleted file would stay as an old version of itself."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for leftover in self._folder.iterdir():
            leftover.unlink()
        with _translated(self._bucket):
            versioning = self._s3.get_bucket_versioning(Bucket=self._bucket).get("Status")
        if versioning == "Enabled":
            raise ConfigurationError(
                f"The bucket {self._bucket} keeps old versions of files, so nothing could be erased from it. "
                "Suspend versioning and remove old versions, or name another bucket in CAIRN_BLOB_URL."
            )

    def close(self) -> None:
        self._s3.close()

    async def ping(self) -> None:
        await self._do(lambda: self._s3.head_bucket(Bucket=self._bucket))

    async def put(self, key: str, data: bytes) -> None:
        name = checked_key(key)
        await self._do(lambda: self._s3.put_object(Bucket=self._bucket, Key=name, Body=data))

    async def put_file(self, key: str, path: Path) -> None:
        name = checked_key(key)
        await self._do(lambda: self._s3.upload_file(str(path), self._bucket, name))
        await asyncio.to_thread(path.unlink)

    async def get(self, key: str) -> bytes:
        name = checked_key(key)

        def fetch() -> bytes:
            return bytes(self._s3.get_object(Bucket=self._bucket, Key=name)["Body"].read())

        return await self._do(fetch)

    async def exists(self, key: str) -> bool:
        name = checked_key(key)
        try:
            await self._do(lambda: self._s3.head_object(Bucket=self._bucket, Key=name))
        except KeyError:
            return False
        return True

    @asynccontextmanager
    async def local(self, key: str) -> AsyncIterator[Path]:
        name = checked_key(key)

        def fetch() -> Path:
            with storage_errors(), tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as file:
                try:
                    self._s3.download_fileobj(self._bucket, name, file)
                except BaseException:
                    Path(file.name).unlink()
                    raise
            return Path(file.name)

        path = await self._do(fetch)
        try:
            yield path
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)

    async def delete(self, prefix: str) -> None:
        keys = await self.keys(prefix)

        def remove() -> None:
            for first in range(0, len(keys), _BATCH):
                named = [{"Key": key} for key in keys[first : first + _BATCH]]
                reply = self._s3.delete_objects(Bucket=self._bucket, Delete={"Objects": named, "Quiet": True})
                if failed := reply.get("Errors"):
                    raise StorageUnavailable(f"{len(failed)} files could not be deleted: {failed[0].get('Code')}.")

        await self._do(remove)

    async def keys(self, prefix: str, before: datetime | None = None) -> list[str]:
        name = checked_key(prefix.removesuffix("/"))
        latest = before.astimezone(UTC) if before else None

        def found() -> list[str]:
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=name)
            objects = (each for page in pages for each in page.get("Contents", ()))
            return sorted(
                each["Key"]
                for each in objects
                if (each["Key"] == name or each["Key"].startswith(f"{name}/"))
                and (latest is None or each["LastModified"] < latest)
            )

        return await self._do(found)

    async def _do(self, work: Callable[[], R]) -> R:
        def translated() -> R:
            with _translated(self._bucket):
                return work()

        return await asyncio.to_thread(translated)


@contextmanager
def _translated(bucket: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code"))
        if code in _ABSENT:
            raise KeyError(error.response.get("Error", {}).get("Key", bucket)) from None
        if code in _FULL:
            raise StorageFull("The file store is full. Make room in it; what was accepted is kept.") from error
        raise StorageUnavailable(f"The bucket {bucket} refused a request: {code}.") from error
    except (BotoCoreError, Boto3Error) as error:
        raise StorageUnavailable(f"The file store does not answer: {type(error).__name__}.") from error
