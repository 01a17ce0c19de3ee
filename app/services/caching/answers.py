"""Answers that are given again: to the same question, and to one that asks the same in other words."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, get_args

import numpy as np
from pydantic import TypeAdapter, ValidationError

from app.observability.metrics import CACHE_LOOKUPS
from app.services.ask import Answerer, AnswerEvent, CitationFound, PassagesFound, Question
from app.services.caching.flights import Flights
from app.services.caching.memory import Given, Memory
from app.services.caching.passages import Reference, found_again, referred, versions
from app.services.caching.unchanged import Unchanged
from app.services.kept import ANSWERS, Kept
from app.services.threads import Threads
from pipelines.cache_ports import Entry
from pipelines.domain.access import Principal
from pipelines.domain.answers import Answer, CatalogedChunk, Citation
from pipelines.domain.errors import CollectionNotFound, DependencyUnavailable
from pipelines.ports import Catalog, Embedders, UnitOfWork, Vectors
from pipelines.query.cache_key import Scope
from pipelines.query.same_question import close_enough, same_question

SEMANTIC = "semantic"
_PROBES = 512  # questions of a scope that one is compared with, the newest
_ABSTENTION_TTL_S = 60
_EMBED_TIMEOUT_S = 5
_EVENTS: Mapping[str, TypeAdapter[Any]] = {kind.__name__: TypeAdapter(kind) for kind in get_args(AnswerEvent)}
_STORED: TypeAdapter[list[tuple[str, Any]]] = TypeAdapter(list[tuple[str, Any]])
_REFERENCES: TypeAdapter[list[Reference]] = TypeAdapter(list[Reference])


@dataclass(frozen=True, slots=True)
class _Looked:
    """Where the question's answer is kept, and the answer if it is."""

    scope: Scope
    key: str
    events: tuple[AnswerEvent, ...] | None


class CachedAsk:
    """An Answerer around another. A kept answer comes as the same events as when it was made.

    `maker` names what answers: its models, prompts and program. `semantic` False: only the same words are one question.
    A question that leans on a conversation is nobody else's, and its words may be those of documents: it is not kept.
    """

    def __init__(
        self,
        ask: Answerer,
        kept: Kept,
        catalog: Catalog,
        embedders: Embedders,
        maker: Callable[[], str],
        *,
        ttl_s: float,
        semantic: bool = True,
    ) -> None:
        self._ask = ask
        self._kept = kept
        self._catalog = catalog
        self._embedders = embedders
        self._maker = maker
        self._ttl_s = ttl_s
        self._semantic = semantic
        self._memory = Memory(kept)
        self._threads = Threads("kept-answers", 4)  # what was answered before does not wait for what is worked out
        self._looked: Unchanged[tuple[Principal, Question, str], _Looked] = Unchanged(catalog, entries=256)
        self._flights: Flights[AnswerEvent] = Flights()

    async def stream(self, principal: Principal, question: Question) -> AsyncGenerator[AnswerEvent, None]:
        if question.leans_on:
            async with aclosing(self._ask.stream(principal, question)) as events:
                async for event in events:
                    yield event
            return
        began = time.perf_counter()
        looked = self._known(principal, question)
        if looked is None:
            looked = await self._threads.run(self._look_up, principal, question)
        served, probe = "exact", b""
        CACHE_LOOKUPS.labels(ANSWERS, "hit" if looked.events else "miss").inc()
        if looked.events is None and self._semantic:
            served = SEMANTIC
            looked, probe = await self._look_alike(principal, question, looked)
            CACHE_LOOKUPS.labels(SEMANTIC, "hit" if looked.events else "miss").inc()
        if looked.events is not None:
            for event in looked.events:
                yield _served(event, served, began)
            return
        make = partial(self._make, principal, question, looked, probe)
        async with aclosing(self._flights.join(looked.key, make)) as events:
            async for event, shared in events:
                yield _served(event, "exact") if shared else event

    async def _make(
        self, principal: Principal, question: Question, looked: _Looked, probe: bytes
    ) -> AsyncGenerator[AnswerEvent, None]:
        """The answer as it is made. It is kept before its last event goes out: who has that may leave."""
        made: list[AnswerEvent] = []
        async with aclosing(self._ask.stream(principal, question)) as events:
            async for event in events:
                made.append(event)
                if isinstance(event, Answer):
                    if not event.degraded:
                        await asyncio.to_thread(self._keep, principal, looked, probe, made)
                    event = replace(event, degraded=tuple(dict.fromkeys((*event.degraded, *self._kept.degraded))))
                yield event

    def _keep(self, principal: Principal, looked: _Looked, probe: bytes, made: Sequence[AnswerEvent]) -> None:
        passages = [each for event in made if isinstance(event, PassagesFound) for each in event.passages]
        abstained = any(event.abstained for event in made if isinstance(event, Answer))
        entry = Entry(looked.key, _dump(made), self._ttl_s, versions(passages), principal.tenant_id)
        if abstained:
            entry = entry._replace(ttl_s=_ABSTENTION_TTL_S)
        elif probe:
            entry = entry._replace(scope=looked.scope.id, probe=probe)
        self._kept.put(ANSWERS, [entry])

    def _known(self, principal: Principal, question: Question) -> _Looked | None:
        """What `_look_up` would find, where nothing was committed, forgotten or outlived since it did."""
        looked = self._looked.get((principal, question, self._maker()))
        return looked if looked is not None and self._memory.get(looked.key) is not None else None

    # --- the catalog and the cache, from a thread ---

    def _look_up(self, principal: Principal, question: Question) -> _Looked:
        """The answer kept for these very words, if it may be given."""
        commits = self._looked.now
        looked = self._read(principal, question)
        if looked.events is not None:
            self._looked.put((principal, question, looked.scope.maker), looked, commits)
        return looked

    def _read(self, principal: Principal, question: Question) -> _Looked:
        with self._catalog.read(principal) as uow:
            scope = self._scope(uow, principal, question)
            key = scope.key(question.text)
            known = self._memory.get(key)
            if known and _all_seen(uow, principal, scope, known.chunk_ids):
                return _Looked(scope, key, known.events)
            stored = self._kept.get(ANSWERS, [key]).get(key)
            events = _load(stored, partial(_visible, uow, principal, scope)) if stored else None
        if events is not None:
            self._memory.put(key, Given.of(events))
        return _Looked(scope, key, events)

    def _look_under(
        self, principal: Principal, question: Question, scope: Scope, keys: Sequence[str]
    ) -> _Looked | None:
        """The first of these answers that may be given, while the scope is as it was."""
        with self._catalog.read(principal) as uow:
            if self._scope(uow, principal, question) != scope:
                return None
            stored = self._kept.get(ANSWERS, keys)
            for key in (key for key in keys if key in stored):
                if events := _load(stored[key], partial(_visible, uow, principal, scope)):
                    return _Looked(scope, key, events)
        return None

    def _scope(self, uow: UnitOfWork, principal: Principal, question: Question) -> Scope:
        views = []
        for name in dict.fromkeys((question.collection, *question.also)):
            view = uow.collections.view(principal, name)
            if view is None:
                raise CollectionNotFound(f"There is no collection {name!r}.")
            views.append(view)
        options = {
            name: value for name, value in asdict(question).items() if name not in ("text", "collection", "also")
        }
        return Scope.of(principal, views, self._maker(), options)

    # --- other words ---

    async def _look_alike(self, principal: Principal, question: Question, looked: _Looked) -> tuple[_Looked, bytes]:
        """The answer to a question that asks the same, if one is kept, and this question as a probe for others."""
        try:
            async with asyncio.timeout(_EMBED_TIMEOUT_S):
                vector = await self._embedders.of(looked.scope.embedding_model).embed_query(question.text)
        except (DependencyUnavailable, TimeoutError):
            return looked, b""
        floor = close_enough(looked.scope.embedding_model)
        probes = await self._threads.run(self._kept.probes, ANSWERS, looked.scope.id, _PROBES)
        near = [
            key
            for key, asked, cosine in _compared(vector, probes)
            if cosine >= floor and same_question(question.text, asked)
        ]
        if near and (found := await self._threads.run(self._look_under, principal, question, looked.scope, near)):
            looked = found
        return looked, _probe(vector, question.text)


def _served(event: AnswerEvent, cache: str, began: float | None = None) -> AnswerEvent:
    """The event, saying where it comes from."""
    if isinstance(event, PassagesFound):
        return replace(event, cache=cache)
    if isinstance(event, Answer):
        took = {} if began is None else {"cache": round((time.perf_counter() - began) * 1000, 1)}
        return replace(event, cache=cache, timings_ms={**took, "total": took["cache"]} if took else event.timings_ms)
    return event


def _dump(events: Sequence[AnswerEvent]) -> bytes:
    """As JSON, not packed: what is left of a deleted document must be found by its bytes."""
    rows = [
        (
            type(event).__name__,
            _REFERENCES.dump_python(referred(event.passages))
            if isinstance(event, PassagesFound)
            else _EVENTS[type(event).__name__].dump_python(event, mode="json"),
        )
        for event in events
    ]
    return _STORED.dump_json(rows)


def _load(
    stored: bytes, visible: Callable[[Sequence[str]], Mapping[str, CatalogedChunk]]
) -> tuple[AnswerEvent, ...] | None:
    """The events; None when one of their passages is not to be seen, or a quote is not what its chunk says."""
    try:
        rows = _STORED.validate_json(stored)
        references = {name: _REFERENCES.validate_python(row) for name, row in rows if name == PassagesFound.__name__}
        events = [(name, None if name in references else _EVENTS[name].validate_python(row)) for name, row in rows]
    except (ValidationError, KeyError):  # of another release
        return None
    if not rows or rows[-1][0] != Answer.__name__:
        return None
    cited = [event.citation for _, event in events if isinstance(event, CitationFound)]
    shown = references.get(PassagesFound.__name__, [])
    seen = visible([*(chunk_id for chunk_id, _, _ in shown), *(each.chunk_id for each in cited)])
    passages = found_again(shown, seen)
    if passages is None or not all(_stands(each, seen.get(each.chunk_id)) for each in cited):
        return None
    return tuple(PassagesFound(passages) if event is None else event for _, event in events)


def _stands(citation: Citation, source: CatalogedChunk | None) -> bool:
    if source is None:
        return False
    chunk = source.chunk
    return chunk.text[citation.start - chunk.start : citation.end - chunk.start] == citation.quote


def _visible(
    uow: UnitOfWork, principal: Principal, scope: Scope, chunk_ids: Sequence[str]
) -> dict[str, CatalogedChunk]:
    wanted = list(dict.fromkeys(chunk_ids))
    return {
        chunk_id: chunk
        for collection_id in scope.collection_ids
        for chunk_id, chunk in uow.chunks.visible(principal, collection_id, wanted).items()
    }


def _all_seen(uow: UnitOfWork, principal: Principal, scope: Scope, chunk_ids: frozenset[str]) -> bool:
    seen = (uow.chunks.seen(principal, collection_id, chunk_ids) for collection_id in scope.collection_ids)
    return set().union(*seen) == chunk_ids


def _probe(vector: Vectors, question: str) -> bytes:
    return vector.astype(np.float16).tobytes() + question.encode("utf-8", "surrogatepass")


def _compared(vector: Vectors, probes: Sequence[tuple[str, bytes]]) -> list[tuple[str, str, float]]:
    """(key, question, cosine), the nearest first."""
    size = 2 * len(vector)
    whole = [(key, probe) for key, probe in probes if len(probe) > size]
    if not whole:
        return []
    known = np.frombuffer(b"".join(probe[:size] for _, probe in whole), dtype=np.float16).reshape(len(whole), -1)
    cosines = known.astype(np.float32) @ vector
    return [
        (whole[at][0], whole[at][1][size:].decode("utf-8", "surrogatepass"), float(cosines[at]))
        for at in np.argsort(-cosines, kind="stable")
    ]
