"""Sources are looked at when their time has come, one pass at a time (on SQLite and on PostgreSQL)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from app.adapters.minilm import MiniLmEmbedder
from app.adapters.sql import SqlCatalog
from app.adapters.watched_folders import LocalFolders
from app.services.collections import Collections
from app.services.outbox import Outbox
from app.services.sources import NewSource, Sources
from pipelines.domain.errors import CollectionNotFound
from pipelines.domain.ids import job_id
from pipelines.domain.intake_errors import SourceExists, SourceNotFound, SyncOff
from pipelines.domain.jobs import JobKind, JobStatus, OutboxEvent
from pipelines.ingest.chunk import CHUNKER
from tests.contract.samples import ANNA, EVE, PAPERS, START, at, collection, set_up
from tests.fakes.embedders import OneEmbedder


@dataclass
class Engine:
    """An EventSender that remembers."""

    sent: list[str] = field(default_factory=list)

    async def send(self, events: Sequence[OutboxEvent]) -> None:
        self.sent += [event.id for event in events]


@dataclass
class Setting:
    catalog: SqlCatalog
    folder: Path
    engine: Engine = field(default_factory=Engine)
    now: datetime = START

    @property
    def sources(self) -> Sources:
        collections = Collections(self.catalog, OneEmbedder(MiniLmEmbedder(Path("unused"))), CHUNKER, self.clock)
        folders = LocalFolders({"acme": [self.folder]}, self.folder.with_name("data"))
        return Sources(self.catalog, collections, folders, Outbox(self.catalog, self.engine), self.clock)

    def clock(self) -> datetime:
        return self.now

    async def add(self, name: str, interval_s: int = 300) -> str:
        (self.folder / name).mkdir()
        new = NewSource(str(self.folder / name), None, interval_s)
        return (await self.sources.add(ANNA, "papers", new)).source.id

    def end(self, source_id: str, status: JobStatus = JobStatus.SUCCEEDED) -> None:
        with self.catalog.begin() as uow:
            uow.jobs.finish(job_id(JobKind.SYNC, source_id), status, self.now)


@pytest.fixture
def setting(catalog: SqlCatalog, tmp_path: Path) -> Setting:
    set_up(catalog, PAPERS, collection("rival"))
    (tmp_path / "root").mkdir()
    return Setting(catalog, tmp_path / "root")


async def test_a_pass_starts_when_it_is_due_and_only_when_none_goes_on(setting: Setting) -> None:
    often, seldom = await setting.add("often", 60), await setting.add("seldom", 3_600)
    first = f"source-sync-requested-{often}"
    assert setting.engine.sent == [first, f"source-sync-requested-{seldom}"]
    assert await setting.sources.start_due() == {"started": 0}
    setting.now = at(61)
    assert await setting.sources.start_due() == {"started": 0}, "the first pass still goes on"
    setting.end(often, JobStatus.FAILED)
    setting.now = at(90)
    assert await setting.sources.start_due() == {"started": 0}, "it was due, and is due again a minute later"
    setting.now = at(122)
    assert await setting.sources.start_due() == {"started": 1}
    assert setting.engine.sent[-1] == f"{first}-2"
    setting.end(often)
    setting.end(seldom)
    setting.now = at(4_000)
    assert await setting.sources.start_due() == {"started": 2}
    assert await setting.sources.start_due() == {"started": 0}


async def test_a_person_starts_one_at_any_time_or_gets_the_one_that_goes_on(setting: Setting) -> None:
    source_id = await setting.add("papers")
    running = await setting.sources.sync(ANNA, "papers", source_id)
    assert running.run == 1
    setting.end(source_id)
    setting.now = at(10)
    assert (await setting.sources.sync(ANNA, "papers", source_id, accept_removals=True)).run == 2
    (state,) = setting.sources.all(ANNA, "papers")
    assert state.source.trusted_run == 2
    assert state.source.next_at == at(310)
    assert state.job is not None
    assert state.job.status is JobStatus.QUEUED


async def test_a_source_is_reached_through_its_own_tenant_and_collection_only(setting: Setting) -> None:
    source_id = await setting.add("papers")
    for who, where, error in (
        (EVE, "papers", SourceNotFound),
        (ANNA, "default", SourceNotFound),
        (ANNA, "never", CollectionNotFound),
    ):
        with pytest.raises(error):
            setting.sources.get(who, where, source_id)
        with pytest.raises(error):
            await setting.sources.sync(who, where, source_id)
        for with_documents in (True, False):
            with pytest.raises(error):
                await setting.sources.remove(who, where, source_id, with_documents=with_documents)
    assert setting.sources.all(EVE, "papers") == []
    with pytest.raises(SyncOff):
        await setting.sources.add(EVE, "papers", NewSource(str(setting.folder), None, 300))


async def test_one_folder_is_one_source_of_a_collection(setting: Setting) -> None:
    source_id = await setting.add("papers")
    (setting.folder / "papers" / "deep").mkdir()
    (setting.folder / "papers-2").mkdir()
    for path in ("papers", "papers/deep", "papers/../papers", "."):
        with pytest.raises(SourceExists):
            await setting.sources.add(ANNA, "papers", NewSource(f"{setting.folder}/{path}", None, 300))
    await setting.sources.add(ANNA, "papers", NewSource(f"{setting.folder}/papers-2", None, 300))
    await setting.sources.add(ANNA, "default", NewSource(f"{setting.folder}/papers", None, 300))
    assert await setting.sources.remove(ANNA, "papers", source_id, with_documents=False) is None
    await setting.sources.add(ANNA, "papers", NewSource(f"{setting.folder}/papers", None, 300))
