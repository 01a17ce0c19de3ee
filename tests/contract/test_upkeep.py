"""The promises of Upkeep (pipelines/ports.py), and what the services make of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from app.adapters.blobs import FolderBlobs
from app.adapters.sql import SqlCatalog, SqlKeywordIndex
from app.services.outbox import Outbox
from app.services.staging import Staging
from app.services.upkeep.files import FileReconciliation
from app.services.upkeep.garbage import Garbage
from app.services.upkeep.jobs import JobReconciliation
from app.services.upkeep.requests import Reconciles
from pipelines.domain.access import Role
from pipelines.domain.ids import job_id
from pipelines.domain.jobs import JobError, JobKind, JobStatus, OutboxEvent
from pipelines.ports import IdempotentAnswer, Standing
from tests.contract.samples import (
    ANNA,
    PAPERS,
    at,
    chunks,
    collection,
    delete_job,
    document,
    ingest_job,
    ready,
    set_up,
    version,
)

RIVALS = collection("rival", "papers")
HOUR = 3_600
DAY = 24 * HOUR


class Engine:
    """An EventSender that remembers."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    async def send(self, events: Sequence[OutboxEvent]) -> None:
        self.sent += [event.id for event in events]


@pytest.fixture(autouse=True)
def _tenants(catalog: SqlCatalog) -> None:
    set_up(catalog, PAPERS, RIVALS)


def test_a_version_stands_as_its_document_and_its_jobs_say(catalog: SqlCatalog) -> None:
    answering, coming, deleted, failed = (document(f"doc_{name}") for name in ("a", "b", "c", "d"))
    newer = version("doc_a", "newer")
    with catalog.begin() as uow:
        ready(uow, answering)
        uow.documents.add_version(newer)
        uow.jobs.add(ingest_job(newer))
        uow.documents.add(coming)
        uow.jobs.add(ingest_job(coming.latest))
        ready(uow, deleted)
        uow.documents.tombstone("doc_c", at(1))
        uow.jobs.add(delete_job("doc_c"))
        uow.documents.add(failed)
        uow.jobs.add(ingest_job(failed.latest))
        uow.jobs.finish(ingest_job(failed.latest).id, JobStatus.FAILED, at(1))
    with catalog.read() as uow:
        found = uow.upkeep.standings(
            [answering.latest.id, newer.id, coming.latest.id, deleted.latest.id, failed.latest.id, "ver_unknown"]
        )
    assert found == {
        answering.latest.id: Standing(kept=True, answers=True, busy=False),
        newer.id: Standing(kept=True, answers=False, busy=True),
        coming.latest.id: Standing(kept=True, answers=False, busy=True),
        deleted.latest.id: Standing(kept=False, answers=False, busy=True),
        failed.latest.id: Standing(kept=True, answers=False, busy=False),
    }


def test_nothing_asked_nothing_answered(catalog: SqlCatalog) -> None:
    with catalog.begin() as uow:
        ready(uow, document("doc_a"))
        assert uow.upkeep.standings([]) == {}


def test_more_versions_than_a_statement_may_name_are_looked_up(catalog: SqlCatalog) -> None:
    with catalog.begin() as uow:
        ready(uow, document("doc_a"))
    wanted = document("doc_a").latest.id
    with catalog.read() as uow:
        assert set(uow.upkeep.standings([*(f"ver_{n}" for n in range(70_000)), wanted])) == {wanted}


def test_pages_go_through_everything_once(catalog: SqlCatalog) -> None:
    everything = [document(f"doc_{n}") for n in range(7)]
    with catalog.begin() as uow:
        for each in everything:
            ready(uow, each)
        ready(uow, document("doc_rival", where=RIVALS))
        uow.documents.tombstone("doc_3", at(1))
    live = sorted(each.latest.id for each in everything if each.id != "doc_3")
    with catalog.read() as uow:
        pages, after = [], ""
        while page := uow.upkeep.answering(PAPERS.id, after, 2):
            pages, after = pages + page, page[-1]
        assert pages == live
        kept = sorted([*live, document("doc_rival").latest.id])
        assert uow.upkeep.versions(kept[3], 100) == kept[4:]
        assert uow.upkeep.collection_ids(None, "", 10) == sorted([PAPERS.id, RIVALS.id])
        assert uow.upkeep.collection_ids("rival", "", 10) == [RIVALS.id]
        assert uow.upkeep.collection_ids(None, RIVALS.id, 10) == []
        assert uow.upkeep.chunked(PAPERS.id) == {each.latest.id for each in everything}


async def test_the_keyword_index_names_the_versions_it_holds(catalog: SqlCatalog, keywords: SqlKeywordIndex) -> None:
    rows = chunks(version("doc_a", "a"), ["one", "two"])
    await keywords.upsert(PAPERS.id, rows)
    assert await keywords.version_ids(PAPERS.id) == {rows[0].version_id}
    assert await keywords.version_ids(RIVALS.id) == set()


def _reconciliation(catalog: SqlCatalog, engine: Engine, now: datetime) -> JobReconciliation:
    return JobReconciliation(catalog, Outbox(catalog, engine), lambda: now)


async def test_a_deletion_that_gave_up_is_started_again_until_it_is_done(catalog: SqlCatalog) -> None:
    engine, job = Engine(), delete_job("doc_a")
    with catalog.begin() as uow:
        ready(uow, document("doc_a"))
        uow.documents.tombstone("doc_a", at(1))
        uow.jobs.add(job)
    assert (await _reconciliation(catalog, engine, at(2)).reconcile(None))["undeleted_documents"] == 0
    with catalog.begin() as uow:
        uow.jobs.finish(job.id, JobStatus.FAILED, at(3), JobError("index_unavailable", "It is down."))
    assert (await _reconciliation(catalog, engine, at(4)).reconcile("rival"))["undeleted_documents"] == 0
    assert (await _reconciliation(catalog, engine, at(4)).reconcile("acme"))["undeleted_documents"] == 1
    assert engine.sent == ["document-deleted-doc_a-2"]
    with catalog.begin() as uow:
        uow.documents.purge("doc_a")
        uow.jobs.finish(job.id, JobStatus.SUCCEEDED, at(5))
    assert (await _reconciliation(catalog, engine, at(6)).reconcile(None))["undeleted_documents"] == 0


async def test_a_job_that_the_engine_lost_is_started_again_but_one_that_waits_is_not(catalog: SqlCatalog) -> None:
    engine, lost, other = Engine(), document("doc_lost"), document("doc_other", seconds=1)
    with catalog.begin() as uow:
        for each in (lost, other):
            uow.documents.add(each)
            uow.jobs.add(ingest_job(each.latest))
        uow.jobs.start_step(ingest_job(other.latest).id, "parse-document", at(7 * HOUR))
    busy = await _reconciliation(catalog, engine, at(8 * HOUR)).reconcile(None)
    assert busy["abandoned_jobs"] == 0, "another job went on an hour ago: this one waits its turn"
    assert (await _reconciliation(catalog, engine, at(14 * HOUR)).reconcile(None))["abandoned_jobs"] == 2
    assert set(engine.sent) == {f"document-uploaded-{each.latest.id}-2" for each in (lost, other)}
    with catalog.begin() as uow:
        uow.jobs.start_step(ingest_job(other.latest).id, "parse-document", at(22 * DAY))
    forgotten = await _reconciliation(catalog, engine, at(22 * DAY)).reconcile(None)
    assert forgotten["abandoned_jobs"] == 1, "others went on for a week, and this one never did"


async def test_an_event_that_the_engine_took_and_lost_is_sent_again_while_its_job_waits(catalog: SqlCatalog) -> None:
    lost, begun, ended = (document(f"doc_{name}", seconds=at_) for at_, name in enumerate(("lost", "begun", "ended")))
    with catalog.begin() as uow:
        for each in (lost, begun, ended):
            uow.documents.add(each)
            uow.jobs.add(ingest_job(each.latest))
        uow.jobs.start_step(ingest_job(begun.latest).id, "parse-document", at(5))
        uow.jobs.finish(ingest_job(ended.latest).id, JobStatus.CANCELLED, at(5))

    async def sent_again(now: float) -> list[str]:
        engine = Engine()
        told = await _reconciliation(catalog, engine, at(now)).send_again()
        assert told == {"sent": len(engine.sent)}
        return engine.sent

    assert await sent_again(50) == [], "it may be about to begin"
    assert await sent_again(70) == await sent_again(HOUR) == [f"document-uploaded-{lost.latest.id}"]
    assert await sent_again(DAY) == [], "the engine would take it for a new one"
    with catalog.begin() as uow:
        uow.jobs.start_again(ingest_job(ended.latest).id, at(DAY))
    assert await sent_again(DAY + 90) == [f"document-uploaded-{ended.latest.id}-2"]


async def test_a_reconciliation_is_asked_for_once_at_a_time(catalog: SqlCatalog) -> None:
    engine = Engine()
    requests = Reconciles(catalog, Outbox(catalog, engine), lambda: at(0))
    first, second = await requests.request(ANNA), await requests.request(ANNA)
    assert first == second
    with catalog.begin() as uow:
        assert uow.jobs.get(replace(ANNA, roles=frozenset({Role.COLLECTION_ADMIN})), first.id) is not None
        assert uow.jobs.get(ANNA, first.id) is None, "it counts what others may read"
        uow.jobs.finish(first.id, JobStatus.SUCCEEDED, at(1))
    third = await requests.request(ANNA)
    assert (third.id, third.run) == (job_id(JobKind.RECONCILE, "acme"), 2)
    assert engine.sent == ["index-reconcile-requested-acme", "index-reconcile-requested-acme-2"]


async def test_a_file_is_removed_only_when_nothing_needs_it(catalog: SqlCatalog, tmp_path: Path) -> None:
    kept, gone = document("doc_kept"), document("doc_gone")
    with catalog.begin() as uow:
        ready(uow, kept)
        ready(uow, gone)
        uow.documents.tombstone("doc_gone", at(1))
    blobs = FolderBlobs(tmp_path / "files")
    blobs.open()
    keys = {
        f"{kind}/{each.latest.id}{rest}"
        for each in (kept, gone)
        for kind, rest in (("originals", ""), ("redacted", "/a/b"), ("parsed", "/a/1"), ("vectors", "/a/1"))
    }
    for key in (*keys, "erasing/doc_gone"):
        await blobs.put(key, b"x")
        os.utime(tmp_path / "files" / key, (0, 0))
    found = await FileReconciliation(blobs, catalog, lambda: at(0)).reconcile()
    assert (found["orphan_files"], found["lost_originals"]) == (6, 0)
    left = [
        key for kind in ("originals", "redacted", "parsed", "vectors", "set-aside") for key in await blobs.keys(kind)
    ]
    assert sorted(left) == sorted([f"originals/{kept.latest.id}", f"redacted/{kept.latest.id}/a/b"])
    assert await blobs.exists("erasing/doc_gone"), "a kind of file that this does not know is not its own"


async def test_what_is_over_is_cleared(catalog: SqlCatalog, tmp_path: Path) -> None:
    old, new = document("doc_old"), document("doc_new", seconds=1)
    with catalog.begin() as uow:
        ready(uow, old)
        uow.documents.add(new)
        uow.jobs.add(ingest_job(new.latest))
        for key, hours in (("monday", 0), ("tuesday", 30)):
            uow.idempotency.put(ANNA, key, IdempotentAnswer("digest", 202, "{}"), at(hours * HOUR))
    staging = Staging(tmp_path / "incoming", None, max_file_bytes=1, max_pages=1)  # type: ignore[arg-type]  # not used
    staging.clear()
    for name, when in (("cut-off", at(0)), ("going-on", at(39 * DAY))):
        (tmp_path / "incoming" / name).touch()
        os.utime(tmp_path / "incoming" / name, (when.timestamp(),) * 2)
    pruned: list[timedelta] = []

    async def prune(older: timedelta) -> int:
        pruned.append(older)
        return 3

    garbage = Garbage(catalog, staging, prune, lambda: at(40 * HOUR), timedelta(days=1))
    assert await garbage.collect() == {
        "answers": 1,
        "answer_records": 0,
        "job_events": 2,
        "uploads": 1,
        "runs": 3,
    }
    assert pruned == [timedelta(days=1)]
    assert [each.name for each in (tmp_path / "incoming").iterdir()] == ["going-on"]
    with catalog.read() as uow:
        assert uow.idempotency.get(ANNA, "monday") is None
        assert uow.idempotency.get(ANNA, "tuesday") is not None
        assert uow.jobs.find(ingest_job(old.latest).id) is not None, "the job itself stays"
        assert uow.jobs.events(ingest_job(new.latest).id, 0, 10), "and so does the history of one that goes on"


async def test_what_killed_work_left_is_removed_at_the_next_start_and_work_under_way_keeps_its_own(
    catalog: SqlCatalog, tmp_path: Path
) -> None:
    over, going = document("doc_over"), document("doc_going")
    with catalog.begin() as uow:
        for each in (over, going):
            uow.documents.add(each)
            uow.jobs.add(ingest_job(each.latest))
        uow.jobs.finish(ingest_job(over.latest).id, JobStatus.CANCELLED, at(1))
    blobs = FolderBlobs(tmp_path / "files")
    blobs.open()
    for version_id in (over.latest.id, going.latest.id, "ver_unknown"):
        for kind in ("originals", "redacted", "parsed", "vectors"):
            await blobs.put(f"{kind}/{version_id}/0", b"x")
    assert await FileReconciliation(blobs, catalog, lambda: at(2)).tidy() == 4
    assert await blobs.keys("vectors") == [f"vectors/{going.latest.id}/0"]
    assert await blobs.keys("parsed") == [f"parsed/{going.latest.id}/0"]
    assert len(await blobs.keys("originals")) == len(await blobs.keys("redacted")) == 3  # the nightly job looks twice


def test_the_contents_are_those_of_all_tenants_without_what_is_deleted(catalog: SqlCatalog) -> None:
    answering, coming, deleted = (document(f"doc_{name}") for name in ("a", "b", "c"))
    with catalog.begin() as uow:
        uow.documents.add(coming)
        ready(uow, answering, ["One.", "Two."])
        ready(uow, deleted)
        for each, held in ((answering, 2), (deleted, 1)):
            uow.generations.complete(PAPERS.active_generation.id, each.latest.id, held)
        uow.documents.tombstone(deleted.id, at(1))
    with catalog.read() as uow:
        found = uow.upkeep.contents()
    assert (found.ready_documents, found.other_documents, found.versions) == (1, 1, 2)
    assert found.original_bytes == answering.latest.size_bytes + coming.latest.size_bytes
    assert (found.active_generations, found.other_generations) == (2, 0)
    assert (found.active_chunks, found.other_chunks) == (3, 0), "what is deleted counts until it is purged"
    assert catalog.bytes() > 0
