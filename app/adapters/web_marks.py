"""By what a page is known to have changed: its ETag, its Last-Modified, its date in a sitemap, or a digest of what came."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from app.adapters.guarded_http import Answer
from app.adapters.web_pages import modified_ns
from pipelines.domain.intake_errors import FileUnavailable
from pipelines.domain.sources import ListedFile, time_ns


def conditions(known: str) -> dict[str, str]:
    kind, _, value = known.partition(":")
    name = {"etag": "If-None-Match", "modified": "If-Modified-Since"}.get(kind)
    return {name: value} if name else {}


def mark(answer: Answer) -> str:
    for kind, name in (("etag", "etag"), ("modified", "last-modified")):
        if value := answer.headers.get(name):
            return f"{kind}:{value}"
    return ""


class Read(NamedTuple):
    """Of an answer that was read to its end."""

    size_bytes: int
    etag: str


def read_through(blocks: Iterable[bytes]) -> Read:
    digest, size = hashlib.sha256(), 0
    for block in blocks:
        size += len(block)
        digest.update(block)
    return Read(size, f"sha256:{digest.hexdigest()}")


def bounded(blocks: Iterable[bytes], most_bytes: int) -> Iterator[bytes]:
    size = 0
    for block in blocks:
        size += len(block)
        if size > most_bytes:
            raise FileUnavailable(f"The answer has more than {most_bytes:,} bytes.")
        yield block


def listed_file(path: str, answer: Answer, seen: Read | None) -> ListedFile:
    """Of an answer with a mark its size is only what it says itself: so a page is the same whether its body was read or not."""
    length = answer.headers.get("content-length", "")
    try:
        mtime_ns = time_ns(parsedate_to_datetime(answer.headers.get("last-modified", "")))
    except (ValueError, TypeError, OverflowError):
        mtime_ns = 0
    if seen is not None:
        return ListedFile(path, seen.size_bytes, mtime_ns, seen.etag)
    return ListedFile(path, int(length) if length.isdigit() else -1, mtime_ns, mark(answer))


def dated_file(path: str, modified: str) -> ListedFile:
    return ListedFile(path, -1, modified_ns(modified), f"lastmod:{modified}")


def is_dated(file: ListedFile) -> bool:
    return file.etag.startswith("lastmod:")
