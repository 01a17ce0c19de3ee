"""No event is lost when the engine is away, and none is sent that was not committed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.adapters.sql import SqlCatalog
from app.services.outbox import Outbox
from pipelines.domain.errors import DependencyUnavailable
from pipelines.domain.jobs import OutboxEvent

AT = datetime(2026, 1, 1, tzinfo=UTC)


class Engine:
    """Takes events, or refuses, or never answers."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.refuses = False
        self.hangs = False

    async def send(self, events: Sequence[OutboxEvent]) -> None:
        if self.refuses:
            raise DependencyUnavailable
        if self.hangs:
            await asyncio.Event().wait()
        self.taken += [event.id for event in events]


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqlCatalog]:
    opened = SqlCatalog(f"sqlite:///{tmp_path / 'catalog.sqlite3'}")
    opened.open()
    yield opened
    opened.close()


def _commit(catalog: SqlCatalog, *ids: str) -> list[OutboxEvent]:
    events = [OutboxEvent(each, "rag/document.uploaded", {}) for each in ids]
    with catalog.begin() as uow:
        for event in events:
            uow.outbox.add(event, AT)
    return events


async def test_what_the_engine_took_is_not_sent_again(catalog: SqlCatalog) -> None:
    engine = Engine()
    outbox = Outbox(catalog, engine)
    assert await outbox.dispatch(_commit(catalog, "a"))
    assert await outbox.sweep() == {"sent": 0}
    assert engine.taken == ["a"]


@pytest.mark.parametrize("fault", ["refuses", "hangs"])
async def test_what_the_engine_did_not_take_waits_for_the_sweeper(catalog: SqlCatalog, fault: str) -> None:
    engine = Engine()
    setattr(engine, fault, True)
    outbox = Outbox(catalog, engine, timeout_s=0.05)
    assert not await outbox.dispatch(_commit(catalog, "a"))
    _commit(catalog, "b", "c")
    assert await outbox.sweep() == {"sent": 0}
    setattr(engine, fault, False)
    assert await outbox.sweep() == {"sent": 3}
    assert sorted(engine.taken) == ["a", "b", "c"]


async def test_more_than_a_batch_is_swept_in_order(catalog: SqlCatalog) -> None:
    engine = Engine()
    _commit(catalog, *(f"{number:03}" for number in range(25)))
    assert await Outbox(catalog, engine, batch=10).sweep() == {"sent": 25}
    assert engine.taken == sorted(engine.taken)


async def test_what_was_rolled_back_is_never_sent(catalog: SqlCatalog) -> None:
    engine = Engine()
    with pytest.raises(RuntimeError), catalog.begin() as uow:
        uow.outbox.add(OutboxEvent("never", "x", {}), AT)
        raise RuntimeError
    assert await Outbox(catalog, engine).sweep() == {"sent": 0}
