"""Documents go when their collection has kept them long enough, and no others (on SQLite and on PostgreSQL)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from app.adapters.minilm import MiniLmEmbedder
from app.adapters.sql import SqlCatalog
from app.services.collections import Collections
from app.services.outbox import Outbox
from app.services.retention import Retention
from pipelines.catalog_ports import Expired
from pipelines.domain.errors import CollectionNotFound
from pipelines.domain.jobs import OutboxEvent
from pipelines.ports import DocumentFilter
from tests.contract.samples import ANNA, EVE, PAPERS, START, at, collection, document, ready, set_up, version
from tests.fakes.embedders import OneEmbedder

NOTES, RIVALS = collection(name="notes"), collection("rival")
DAY = 24 * 3_600


class Engine:
    """An EventSender that remembers."""

    def __init__(self) -> None:
        self.sent: list[OutboxEvent] = []

    async def send(self, events: Sequence[OutboxEvent]) -> None:
        self.sent += events


@pytest.fixture(autouse=True)
def _tenants(catalog: SqlCatalog) -> None:
    set_up(catalog, PAPERS, NOTES, RIVALS)


def _retention(catalog: SqlCatalog, engine: Engine, now: datetime) -> Retention:
    collections = Collections(catalog, OneEmbedder(MiniLmEmbedder(Path("unused"))), "layout-1", lambda: now)
    return Retention(catalog, collections, Outbox(catalog, engine), lambda: now)


def _left(catalog: SqlCatalog) -> set[str]:
    with catalog.read() as uow:
        return {each.id for who in (ANNA, EVE) for each in uow.documents.page(who, DocumentFilter(), None, 100)}


async def test_only_what_is_over_goes_and_each_deletion_is_to_be_proved(catalog: SqlCatalog) -> None:
    private = frozenset({"user:nobody-here"})
    with catalog.begin() as uow:
        ready(uow, document("doc_old", seconds=-3 * DAY))
        ready(uow, document("doc_private", seconds=-3 * DAY, readers=private))
        ready(uow, document("doc_young", seconds=-1 * DAY))
        ready(uow, document("doc_kept", seconds=-900 * DAY, where=NOTES))
        ready(uow, document("doc_rival", seconds=-900 * DAY, where=RIVALS))
        ready(uow, document("doc_replaced", seconds=-3 * DAY))
        uow.documents.add_version(version("doc_replaced", "newer", seconds=-DAY))
    engine = Engine()
    retention = _retention(catalog, engine, START)
    assert await retention.apply() == 0

    assert retention.keep_for(ANNA, "papers", 2).retention_days == 2
    assert await retention.apply("rival") == 0
    assert await retention.apply("acme") == 2
    assert await retention.apply() == 0
    assert _left(catalog) == {"doc_young", "doc_kept", "doc_rival", "doc_replaced"}
    assert {event.data["document_id"] for event in engine.sent} == {"doc_old", "doc_private"}
    with catalog.read() as uow:
        assert uow.erasures.requested_at("doc_private") == START
        assert uow.upkeep.expired(None, START + timedelta(days=900), 1) == [Expired("acme", "doc_replaced")]

    assert retention.keep_for(ANNA, "papers", None).retention_days is None
    assert await _retention(catalog, engine, at(900 * DAY)).apply() == 0


async def test_many_go_in_batches(catalog: SqlCatalog) -> None:
    with catalog.begin() as uow:
        for number in range(120):
            uow.documents.add(document(f"doc_{number}"))
    retention = _retention(catalog, Engine(), at(9 * DAY))
    retention.keep_for(ANNA, "papers", 1)
    assert [await retention.apply_batch() for _ in range(4)] == [50, 50, 20, 0]


def test_another_tenants_collection_is_not_there(catalog: SqlCatalog) -> None:
    with pytest.raises(CollectionNotFound):
        _retention(catalog, Engine(), START).keep_for(EVE, "notes", 1)
