"""Somebody holds the catalog: an answer that is there is given, marked, and not after the wait that an upload would have."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, make_url, text

from app.adapters.sql import SqlCatalog
from app.services.answer_records import RecordedAnswers
from app.services.ask import AnswerEvent, PassagesFound, Question, whole
from app.services.conversations import Conversations
from app.services.dialogue import Dialogue, FollowUps
from pipelines.domain.access import Principal
from pipelines.domain.answers import Answer
from tests.contract.samples import BEN, START, document, ready, set_up
from tests.contract.test_answer_records import MANIFEST

AN_HOUR_S = 3_600.0
LEAVE = Question("How much leave?", "papers")


class Answering:
    async def stream(self, principal: Principal, question: Question) -> AsyncGenerator[AnswerEvent, None]:
        yield PassagesFound(())
        yield Answer("ans_1", "28 days. [1]", (), grounded=True, abstained=False, manifest=MANIFEST)


@pytest.fixture
def patient(database: str) -> Iterator[SqlCatalog]:
    """A catalog whose usual wait outlasts any test."""
    opened = SqlCatalog(database, busy_timeout_s=AN_HOUR_S)
    opened.open()
    set_up(opened)
    with opened.begin() as uow:
        for document_id in ("doc_a", "doc_b"):
            ready(uow, document(document_id))
    yield opened
    opened.close()


@contextmanager
def _held(database: str) -> Iterator[None]:
    engine = create_engine(
        make_url(database.replace("postgresql:", "postgresql+psycopg:")), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as other:
        if database.startswith("sqlite"):
            other.execute(text("BEGIN IMMEDIATE"))
            yield
            other.execute(text("ROLLBACK"))
        else:
            key = {"key": 0x43_61_69_72_6E}  # the lock of writers (app/adapters/sql/catalog.py)
            other.execute(text("SELECT pg_advisory_lock(:key)"), key)
            yield
            other.execute(text("SELECT pg_advisory_unlock(:key)"), key)
    engine.dispose()


async def test_an_answer_does_not_wait_to_be_kept(patient: SqlCatalog, database: str) -> None:
    recorded = RecordedAnswers(Answering(), patient, lambda: START)
    conversations = Conversations(patient, lambda: START)
    begun = conversations.begin(BEN)
    dialogue = Dialogue(recorded, FollowUps(None, lambda texts: [0 for _ in texts]), conversations, lambda: START)
    with _held(database):
        async with asyncio.timeout(120):
            answer = await whole(dialogue.stream(BEN, LEAVE, begun.id))
    assert (answer.text, answer.degraded) == ("28 days. [1]", ("record", "conversation"))
    assert (await whole(recorded.stream(BEN, LEAVE))).degraded == (), "and it is kept again when nobody holds it"


async def test_a_turn_does_not_wait_to_be_kept(patient: SqlCatalog, database: str) -> None:
    conversations = Conversations(patient, lambda: START)
    begun = conversations.begin(BEN)
    dialogue = Dialogue(Answering(), FollowUps(None, lambda texts: [0 for _ in texts]), conversations, lambda: START)
    with _held(database):
        async with asyncio.timeout(120):
            answer = await whole(dialogue.stream(BEN, LEAVE, begun.id))
    assert answer.degraded == ("conversation",)
