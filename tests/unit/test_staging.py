"""Files on their way in: what is refused at once, and what is not waited for."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest

from app.services.staging import IncomingFile, Staging
from pipelines.domain.errors import OcrUnavailable
from pipelines.ingest.parse import PNG

P = ParamSpec("P")
R = TypeVar("R")
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(100)


class Busy:
    """Workers of which none is ever free."""

    async def run(self, task: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        await asyncio.Event().wait()
        return task(*args, **kwargs)


class Direct:
    """Workers that work at once, in this process."""

    async def run(self, task: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return task(*args, **kwargs)


def staging(folder: Path, workers: Busy | Direct) -> Staging:
    made = Staging(folder / "incoming", workers, max_file_bytes=1_000_000, max_pages=10, glance_s=0.05)
    made.clear()
    return made


async def test_an_upload_does_not_wait_for_workers_that_are_busy(tmp_path: Path) -> None:
    async with staging(tmp_path, Busy()).staged([IncomingFile("scan.png", io.BytesIO(PICTURE))]) as files:
        assert [file.media_type for file in files] == [PNG]


async def test_what_looks_odd_is_opened_when_a_worker_is_free(tmp_path: Path) -> None:
    with pytest.raises(OcrUnavailable, match=r"scan\.png"):
        async with staging(tmp_path, Direct()).staged([IncomingFile("scan.png", io.BytesIO(PICTURE))]):
            pass
    assert list((tmp_path / "incoming").iterdir()) == []
