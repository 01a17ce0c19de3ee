"""The promises of Bundles (pipelines/catalog_ports.py) on SQLite and on PostgreSQL, and what is cleared of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.adapters.blobs import FolderBlobs
from app.adapters.sql import SqlCatalog
from app.services.upkeep.bundles import IntakeGarbage
from pipelines.domain.bundles import Bundle, BundleFile
from pipelines.domain.jobs import JobError, JobKind, JobStatus, queued
from pipelines.ports import UnitOfWork
from tests.contract.samples import PAPERS, START, at, document, ready, set_up

DAY = 24 * 3_600


@pytest.fixture(autouse=True)
def _tenants(catalog: SqlCatalog) -> None:
    set_up(catalog)


@pytest.fixture
def blobs(tmp_path: Path) -> Iterator[FolderBlobs]:
    opened = FolderBlobs(tmp_path / "files")
    opened.open()
    return opened


def _bundle(id_: str = "bun_1", **differing: object) -> Bundle:
    plain = Bundle(id_, "acme", PAPERS.id, "anna", None, {"case": "7"}, "all.zip", "ab", 2**40, START)
    return replace(plain, **differing)


def _job(uow: UnitOfWork, bundle: Bundle, status: JobStatus | None) -> None:
    job = queued(JobKind.UNPACK, "acme", bundle.id, START, bundle_id=bundle.id, user_id="anna")
    uow.jobs.add(job)
    if status is not None:
        uow.jobs.finish(job.id, status, START)


def test_a_bundle_and_its_files_read_back_as_they_were_written(catalog: SqlCatalog) -> None:
    one, two = _bundle(), _bundle("bun_2", readers=frozenset({"group:a", "user:b"}), metadata={})
    files = [
        BundleFile("bun_1", 0, "ä/one.md", "doc_1", "ver_1"),
        BundleFile("bun_1", 1, "twin.md", "doc_1", "ver_1", duplicate=True),
        BundleFile("bun_1", 2, "no.bin", problem=JobError("unsupported_type", "No.")),
    ]
    with catalog.begin() as uow:
        for bundle in (one, two):
            uow.bundles.add(bundle)
        for file in (*files[::-1], files[0]):
            uow.bundles.put_file(file)
        uow.bundles.put_file(BundleFile("bun_2", 0, "else.md", "doc_2", "ver_2"))
    with catalog.begin() as uow:
        assert (uow.bundles.get("bun_1"), uow.bundles.get("bun_2"), uow.bundles.get("bun_3")) == (one, two, None)
        assert uow.bundles.files("bun_1", 0, 9) == files
        assert uow.bundles.files("bun_1", 1, 1) == files[1:2]
        assert (uow.bundles.count("bun_1"), uow.bundles.count("bun_3")) == ((3, 1), (0, 0))
        uow.bundles.remove("bun_1")
        uow.bundles.remove("bun_1")
    with catalog.read() as uow:
        assert uow.bundles.files("bun_1", 0, 9) == []
        assert len(uow.bundles.files("bun_2", 0, 9)) == 1


def test_of_an_erased_document_no_name_is_left(catalog: SqlCatalog) -> None:
    with catalog.begin() as uow:
        uow.bundles.add(_bundle(filename="kraken.zip"))
        ready(uow, document("doc_1"))
        uow.bundles.put_file(BundleFile("bun_1", 0, "plans/deep.md", "doc_1", "ver_1"))
        uow.bundles.put_file(BundleFile("bun_1", 1, "plans/no.bin", problem=JobError("x", "y")))
    with catalog.begin() as uow:
        named = uow.erasures.named_elsewhere("doc_1", ["kraken", "plans", "deep"])
        assert named == {"kraken", "plans"}
        uow.documents.tombstone("doc_1", at(1))
        uow.documents.purge("doc_1")
    with catalog.read() as uow:
        assert [(file.path, file.version_id) for file in uow.bundles.files("bun_1", 0, 9)] == [
            ("", None),
            ("plans/no.bin", None),
        ]


async def test_what_is_over_goes_and_what_goes_on_stays(
    catalog: SqlCatalog, blobs: FolderBlobs, tmp_path: Path
) -> None:
    bundles = {name: _bundle(f"bun_{name}") for name in ("done", "failed", "running", "lost")}
    with catalog.begin() as uow:
        for name, status in (("done", JobStatus.SUCCEEDED), ("failed", JobStatus.FAILED), ("running", None)):
            uow.bundles.add(bundles[name])
            _job(uow, bundles[name], status)
        uow.bundles.put_file(BundleFile("bun_done", 0, "a.md"))
    for key in (*(each.blob_key for each in bundles.values()), "sync/src_1/3", "originals/ver_1"):
        await blobs.put(key, b"x")
        os.utime(tmp_path / "files" / key, (START.timestamp(),) * 2)

    async def collected(days: float) -> tuple[dict[str, int], set[str]]:
        garbage = IntakeGarbage(blobs, catalog, lambda: at(days * DAY), timedelta(days=30))
        counts = await garbage.collect()
        return counts, {key for kind in ("bundles", "sync", "originals") for key in await blobs.keys(kind)}

    counts, left = await collected(0.9)
    assert set(counts.values()) == {0}
    assert len(left) == 6
    counts, left = await collected(8)
    assert counts == {"bundles": 0, "bundle_files": 1, "plans": 1}
    assert left == {"bundles/bun_done", "bundles/bun_failed", "bundles/bun_running", "originals/ver_1"}
    counts, left = await collected(31)
    assert counts == {"bundles": 2, "bundle_files": 0, "plans": 0}
    assert left == {"bundles/bun_running", "originals/ver_1"}
    with catalog.read() as uow:
        assert uow.bundles.get("bun_done") is None
        assert uow.bundles.get("bun_running") == bundles["running"]
