"""Every answer is kept for the person who asked, with what it was made from, and can be asked for again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from functools import cache

import structlog
from pydantic import TypeAdapter

from app.services.ask import Answerer, AnswerEvent, Ask, Question
from app.services.caching.unchanged import Unchanged
from app.services.threads import Threads
from pipelines.domain.access import Principal
from pipelines.domain.answers import Answer
from pipelines.domain.errors import DependencyUnavailable, NotFound
from pipelines.domain.ids import derived_id
from pipelines.domain.manifests import AnswerRecord, Replay
from pipelines.ports import Catalog, Clock
from pipelines.query.replay import Standings, compare, lost

log = structlog.get_logger()

_WAIT_S = 1  # for others who write: an answer is there, and its record is not worth a longer wait
GIVEN_AGAIN = ("exact", "semantic")


class AnswerNotFound(NotFound):
    """There is no such answer, or it is not yours."""

    code = "answer_not_found"


class AnswerWithdrawn(NotFound):
    """A document that it was made from was deleted, or is not yours to read any more; a replay says which."""

    code = "answer_withdrawn"


@cache
def _adapter() -> TypeAdapter[Answer]:
    return TypeAdapter(Answer)


def _all_readable(standings: Standings) -> bool:
    return all(each is not None and each.readable for each in standings.values())


class RecordedAnswers:
    """An Answerer whose answers are in the catalog before their last event is sent."""

    def __init__(self, answers: Answerer, catalog: Catalog, clock: Clock) -> None:
        self._answers = answers
        self._catalog = catalog
        self._clock = clock
        self._threads = Threads("answer-records", 2)
        self._held: Unchanged[tuple[Principal, str], bool] = Unchanged(catalog)

    async def stream(self, principal: Principal, question: Question) -> AsyncGenerator[AnswerEvent, None]:
        async with aclosing(self._answers.stream(principal, question)) as events:
            async for event in events:
                yield await self._kept(principal, question, event) if isinstance(event, Answer) else event

    async def _kept(self, principal: Principal, question: Question, answer: Answer) -> Answer:
        """The same; marked when it could not be kept. One that was made for somebody before gets an id for this person."""
        if answer.cache in GIVEN_AGAIN:
            answer = replace(answer, id=_own_id(principal, question, answer))
        if answer.manifest is None or self._held.get((principal, answer.id)):
            return answer
        record = AnswerRecord(
            id=answer.id,
            tenant_id=principal.tenant_id,
            user_id=principal.user_id,
            collection=question.collection,
            created_at=self._clock(),
            question=question.text,
            leans_on=question.leans_on,
            said=_adapter().dump_python(replace(answer, manifest=None), mode="json"),
            manifest=answer.manifest,
        )
        try:
            await self._threads.run(self._add, principal, record)
        except DependencyUnavailable as error:
            log.warning("answer.not_kept", answer_id=answer.id, code=error.code)
            return replace(answer, degraded=(*answer.degraded, "record"))
        return answer

    def _add(self, principal: Principal, record: AnswerRecord) -> None:
        """Once: an answer that is given again to the same person is on record."""
        commits = self._held.now
        with self._catalog.read() as uow:
            if uow.answers.holds(principal, record.id):
                self._held.put((principal, record.id), True, commits)
                return
        with self._catalog.begin(wait_s=_WAIT_S) as uow:
            if not uow.answers.holds(principal, record.id):
                uow.answers.add(record)


def _own_id(principal: Principal, question: Question, answer: Answer) -> str:
    """Of an answer that was made for somebody before, for this person and these words."""
    return derived_id("ans", answer.id, principal.tenant_id, principal.user_id, question.text)


class AnswerRecords:
    """What was answered, for who asked it."""

    def __init__(self, catalog: Catalog, ask: Ask) -> None:
        self._catalog = catalog
        self._ask = ask

    def get(self, principal: Principal, answer_id: str) -> tuple[AnswerRecord, Answer]:
        """Raises AnswerNotFound, AnswerWithdrawn. Sync: call it from a thread."""
        record, standings = self._look_up(principal, answer_id)
        if record.said is None or not _all_readable(standings):
            raise AnswerWithdrawn
        return record, _adapter().validate_python(record.said)

    async def replay(self, principal: Principal, answer_id: str) -> Replay:
        """Searches again as for the answer, if all of its documents are theirs to read; no model is asked. Whether one that is
        not was closed to them or deleted is not told.

        Raises AnswerNotFound, CollectionNotFound, IndexUnavailable."""
        record, standings = await asyncio.to_thread(self._look_up, principal, answer_id)
        if record.question is None or not _all_readable(standings):
            return Replay(same=False, drift=tuple(lost(record.manifest, standings)), sources=())
        question = Question(
            record.question,
            record.collection,
            also=tuple(each.name for each in record.manifest.also),
            top_k=record.manifest.top_k,
            filters=record.manifest.filters,
        )
        now = await self._ask.manifest(principal, question)
        _, standings = await asyncio.to_thread(self._look_up, principal, answer_id)  # as they are after the search
        if not _all_readable(standings):
            return Replay(same=False, drift=tuple(lost(record.manifest, standings)), sources=())
        return compare(record.manifest, now, standings)

    def _look_up(self, principal: Principal, answer_id: str) -> tuple[AnswerRecord, Standings]:
        with self._catalog.read() as uow:
            record = uow.answers.get(principal, answer_id)
            if record is None:
                raise AnswerNotFound
            return record, uow.answers.standings(principal, answer_id)
