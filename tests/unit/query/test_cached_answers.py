"""Who asks again gets the same answer at once, as long as nothing that they may read has changed; and nobody else's."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from app.adapters.redis_cache import RedisCache
from app.adapters.sqlite_cache import SqliteCache
from app.services.ask import AnswerEvent, Ask, PassagesFound, Question, whole
from app.services.caching.answers import CachedAsk
from app.services.embedding_cache import CachedEmbedders
from app.services.kept import Kept, limits
from app.services.retrieval import Retrieval
from pipelines.cache_ports import Entry
from pipelines.domain.access import Principal
from pipelines.domain.answers import Answer
from pipelines.domain.errors import CollectionNotFound
from pipelines.ports import Cache, UnitOfWork
from pipelines.query.asked import Asked
from pipelines.query.glossary import built_in
from tests.contract.redis_server import RedisServer
from tests.contract.samples import ANNA, BEN, EVE, PAPERS, at, chunks, collection, document, ready, version
from tests.fakes.embedders import OneEmbedder
from tests.fakes.models import ScriptedChat
from tests.unit.query.conftest import Library

LIMITS = limits(10_000_000)
FINANCE = frozenset({"group:finance"})
LEAVE = Question("How many days of paid leave do employees get?", "papers")
SAYS = "Employees get 28 days of paid leave each year [1]."
HANDBOOK = [
    "Employees get 28 days of paid leave each year. Sick leave is 10 days a year.",
    "Passwords have 14 characters.",
]
PAY = ["Managers earn 90 thousand euros a year."]


@dataclass
class Desk:
    """Where questions are asked: everything real but the model, whose `asked` grows with each answer that is made."""

    library: Library
    cache: Cache
    chat: ScriptedChat = field(default_factory=lambda: ScriptedChat(SAYS))
    kept: Kept = field(init=False)

    def __post_init__(self) -> None:
        self.kept = Kept(self.cache, self.library.catalog, LIMITS, rest_s=0)

    def process(self, maker: str = "model-1") -> CachedAsk:
        """The answerer of a process of its own, with nothing in its memory."""
        kept, library = Kept(self.cache, self.library.catalog, LIMITS, rest_s=0), self.library
        embedders = CachedEmbedders(OneEmbedder(library.embedder), kept)
        retrieval = Retrieval(library.catalog, embedders, library.vectors, library.keywords, index_timeout_s=5)
        ask = Ask(retrieval, embedders, self.chat, library.pages)
        return CachedAsk(ask, kept, library.catalog, embedders, lambda: maker, ttl_s=60)

    async def ask(self, who: Principal = BEN, question: Question = LEAVE) -> Answer:
        return await whole(self.process().stream(who, question))

    async def served(self, who: Principal = BEN, question: Question = LEAVE) -> str:
        return (await self.ask(who, question)).cache

    def change(self, work: Callable[[UnitOfWork], object]) -> None:
        with self.library.catalog.begin() as uow:
            work(uow)


@pytest.fixture
async def desk(library: Library, tmp_path: Path) -> AsyncIterator[Desk]:
    cache = SqliteCache(tmp_path / "caches.sqlite3", LIMITS)
    await library.add(document("doc_a", title="Handbook"), HANDBOOK)
    await library.add(document("doc_pay", title="Pay", readers=FINANCE), PAY)
    yield Desk(library, cache)
    cache.close()


async def _events(ask: CachedAsk, who: Principal = BEN, question: Question = LEAVE) -> list[AnswerEvent]:
    return [event async for event in ask.stream(who, question)]


async def test_the_same_question_is_answered_by_the_same_events_without_the_model(desk: Desk) -> None:
    first = await _events(desk.process())
    again = await _events(desk.process(), question=replace(LEAVE, text=f"  {LEAVE.text}\n"))
    assert len(desk.chat.asked) == 1
    one, two = first[-1], again[-1]
    assert isinstance(one, Answer)
    assert isinstance(two, Answer)
    assert (one.cache, two.cache) == ("none", "exact")
    assert one.citations
    assert replace(two, cache="none", timings_ms={}) == replace(one, timings_ms={})
    assert isinstance(again[0], PassagesFound)
    assert again[0].cache == "exact"
    assert replace(again[0], cache="none") == first[0]
    assert again[1:-1] == first[1:-1]


async def test_the_same_asked_in_other_words_is_answered_too_and_no_other_question_is(desk: Desk) -> None:
    first = await desk.ask()
    again = await desk.ask(
        question=replace(LEAVE, text="Could you tell me how many paid leave days staff are entitled to?")
    )
    assert (again.cache, again.text, again.id) == ("semantic", first.text, first.id)
    for other in (
        "How many weeks of paid leave do employees get?",
        "How many days of unpaid leave do employees get?",
        "How many days of paid leave do managers get?",
        "Why do employees get days of paid leave?",
        "How many days of paid leave do employees not get?",
    ):
        assert await desk.served(question=replace(LEAVE, text=other)) == "none", other


async def test_principals_share_what_both_may_read_and_nothing_else(desk: Desk) -> None:
    await desk.ask(BEN)
    assert await desk.served(Principal("acme", "carl", frozenset({"sales"}))) == "exact"
    assert await desk.served(ANNA) == "none", "she may read more, so another answer may be hers"
    assert await desk.served(ANNA) == "exact"
    pay = replace(LEAVE, text="How much do managers earn a year?")
    desk.chat.says = "Managers earn 90 thousand euros a year [1]."
    assert "90" in (await desk.ask(ANNA, pay)).text
    assert "90" not in (await desk.ask(BEN, pay)).text


async def test_tenants_share_nothing(desk: Desk) -> None:
    theirs = collection("rival")
    desk.change(lambda uow: (uow.keys.add_tenant("rival", "Rival", at(0)), uow.collections.add(theirs)))
    await desk.library.add(
        document("doc_theirs", where=theirs), ["Employees get 12 days of paid leave each year."], theirs
    )
    await desk.ask(BEN)
    desk.chat.says = "Employees get 12 days of paid leave each year [1]."
    answer = await desk.ask(EVE)
    assert answer.cache == "none"
    assert {each.document_id for each in answer.citations} == {"doc_theirs"}
    with pytest.raises(CollectionNotFound):
        await desk.ask(EVE, replace(LEAVE, collection="nothing"))


def _replaced(uow: UnitOfWork) -> None:
    newer = version("doc_a", "newer", seconds=5)
    uow.documents.add_version(newer)
    uow.chunks.replace(
        newer.id, PAPERS.active_generation.chunker, chunks(newer, ["Employees get 30 days of paid leave."])
    )
    uow.documents.activate(newer.id, at(6))


CHANGES: dict[str, Callable[[UnitOfWork], object]] = {
    "replaced": _replaced,
    "deleted": lambda uow: uow.documents.tombstone("doc_a", at(5)),
    "taken away": lambda uow: uow.documents.share("doc_a", FINANCE, at(5)),
    "a new document": lambda uow: ready(
        uow, document("doc_new"), ["Since March, employees get 29 days of paid leave."]
    ),
    "renamed": lambda uow: uow.documents.rename("doc_a", "b.pdf", "Rules", {}, at(5)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
async def test_no_answer_outlives_what_it_was_made_from(desk: Desk, change: Callable[[UnitOfWork], object]) -> None:
    """Neither for these words nor for others; and not because something was told to forget it."""
    near = replace(LEAVE, text="Please tell me how many days of paid leave employees get")
    await desk.ask()
    assert await desk.served(question=near) == "semantic"
    desk.change(change)
    assert await desk.served(question=near) == "none"
    assert await desk.served() in ("none", "semantic"), "at most from the answer that was made just now"
    old = await desk.ask(ANNA)
    assert old.cache == "none"


async def test_documents_that_nobody_here_may_read_change_nothing(desk: Desk) -> None:
    await desk.ask(BEN)
    desk.change(lambda uow: uow.documents.share("doc_pay", frozenset({"user:dora"}), at(5)))
    desk.change(
        lambda uow: ready(uow, document("doc_secret", readers=FINANCE), ["Employees get 99 days of paid leave."])
    )
    assert await desk.served(BEN) == "exact"


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
async def test_a_process_that_gave_an_answer_a_moment_ago_looks_again_too(
    desk: Desk, change: Callable[[UnitOfWork], object]
) -> None:
    ask = desk.process()
    await whole(ask.stream(BEN, LEAVE))
    for _ in range(2):
        assert (await whole(ask.stream(BEN, LEAVE))).cache == "exact"
    desk.change(change)
    assert (await whole(ask.stream(BEN, LEAVE))).cache == "none"


async def test_an_answer_of_several_collections_is_given_again_until_one_of_them_changes(desk: Desk) -> None:
    rules = collection(name="rules")
    desk.change(lambda uow: uow.collections.add(rules))
    await desk.library.add(document("doc_rules", where=rules), ["Interns get 20 days of paid leave each year."], rules)
    desk.chat.says = "Interns get 20 days of paid leave each year [1]."
    both = Question("How many days of paid leave do interns get?", "papers", also=("rules",))
    first = await desk.ask(question=both)
    assert {each.document_id for each in first.citations} == {"doc_rules"}
    ask = desk.process()
    for _ in range(2):  # from what all processes share, and from its own memory
        again = await whole(ask.stream(BEN, both))
        assert (again.cache, again.id) == ("exact", first.id)
        desk.change(lambda uow: uow.documents.share("doc_pay", FINANCE | {"user:dora"}, at(4)))
    assert await desk.served(question=replace(both, text=f"Please tell me {both.text}")) == "semantic"
    for other in (replace(both, also=()), Question(both.text, "rules", also=("papers",))):
        assert await desk.served(question=other) == "none"
    assert await desk.served(ANNA, both) == "none", "she may read more of one of them"
    desk.change(lambda uow: uow.documents.share("doc_rules", FINANCE, at(5)))
    taken_away = await desk.ask(question=both)
    assert (taken_away.cache, "Interns" in str(taken_away.citations)) == ("none", False)
    with pytest.raises(CollectionNotFound):
        await desk.ask(question=replace(both, also=("rules", "nobody's")))


async def test_another_model_answers_anew(desk: Desk) -> None:
    await desk.ask()
    other = await whole(desk.process("model-2").stream(BEN, LEAVE))
    assert other.cache == "none"
    assert (await desk.ask(question=replace(LEAVE, top_k=3))).cache == "none"
    assert await desk.served() == "exact"


async def test_what_is_degraded_is_not_kept_and_an_abstention_for_a_moment(desk: Desk) -> None:
    desk.chat.there = False
    assert (await desk.ask()).degraded == ("model",)
    desk.chat.there = True
    assert await desk.served() == "none"
    desk.chat.says = "NOT_FOUND"
    unknown = replace(LEAVE, text="How many days of sick leave do employees get?")
    assert (await desk.ask(question=unknown)).abstained
    assert await desk.served(question=unknown) == "exact"
    assert await desk.served(question=replace(unknown, text=f"Please tell me {unknown.text}")) == "none"


async def test_equal_questions_at_once_are_answered_once(desk: Desk) -> None:
    ask = desk.process()
    answers = await asyncio.gather(*(whole(ask.stream(BEN, LEAVE)) for _ in range(20)))
    assert len(desk.chat.asked) == 1
    assert len({answer.id for answer in answers}) == 1
    assert [answer.cache for answer in answers].count("none") == 1


async def test_what_is_made_while_its_document_is_deleted_is_not_kept(desk: Desk) -> None:
    """The purge of a deletion may come between the reading and the keeping."""
    async with contextlib.aclosing(desk.process().stream(BEN, LEAVE)) as stream:
        assert isinstance(await anext(stream), PassagesFound)
        desk.change(lambda uow: uow.documents.tombstone("doc_a", at(5)))
        await desk.kept.forget([version("doc_a", "doc_a").id])
        assert [type(event) async for event in stream][-1] is Answer
    held = {level.name: level.entries for level in desk.kept.levels(BEN)}
    asked = Asked.of(LEAVE.text, built_in())
    own = len({asked.text, asked.written} - {""})
    assert held == {"embeddings": own, "results": 0, "answers": 0}, "the question's vectors are no document's"


async def test_a_kept_answer_whose_quote_is_not_in_its_chunk_is_made_anew(desk: Desk) -> None:
    await desk.ask()
    (key, stored), *_ = [
        (key, value) for key, value in _entries(desk.cache) if b"28 days" in value and b"quote" in value
    ]
    forged = stored[8:].replace(b"28 days", b"82 days")
    desk.cache.put("answers", [_entry(key, hashlib.blake2b(forged, digest_size=8).digest() + forged)])
    answer = await desk.ask()
    assert answer.cache == "none"
    assert "28 days" in answer.text


async def test_garbage_in_the_cache_is_a_miss(desk: Desk) -> None:
    await desk.ask()
    (key, stored), *_ = _entries(desk.cache)
    for value in (
        b"",
        b"garbage",
        stored[:-5],
        stored.replace(b"28", b"82"),
        _signed(b"[]"),
        _signed(b'[["Delta", 3]]'),
    ):
        desk.cache.put("answers", [_entry(key, value)])
        assert (await desk.ask()).text.startswith("Employees get 28 days"), value


def _signed(value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=8).digest() + value


def _entry(key: str, value: bytes) -> Entry:
    return Entry(key, value, 60)


def _entries(cache: Cache) -> list[tuple[str, bytes]]:
    assert isinstance(cache, SqliteCache)
    return list(cache._connection().execute("SELECT key, value FROM entries WHERE level = 'answers'"))


async def test_a_cache_that_dies_fails_no_question_and_is_used_again_when_it_is_back(
    desk: Desk, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with RedisServer.running(tmp_path_factory.mktemp("redis")) as server:
        desk.cache = cache = RedisCache(server.url, LIMITS)
        ask = CachedAsk(
            Ask(desk.library.retrieval, OneEmbedder(desk.library.embedder), desk.chat, desk.library.pages),
            Kept(cache, desk.library.catalog, LIMITS, rest_s=0.2),
            desk.library.catalog,
            OneEmbedder(desk.library.embedder),
            lambda: "model-1",
            ttl_s=60,
        )
        await whole(ask.stream(BEN, LEAVE))
        assert (await whole(ask.stream(BEN, LEAVE))).cache == "exact"
        server.kill()
        assert (await whole(ask.stream(BEN, LEAVE))).cache == "exact", "this process gave it a moment ago"
        other = replace(LEAVE, top_k=5)
        without = await whole(ask.stream(BEN, other))
        assert (without.cache, without.degraded, without.abstained) == ("none", ("cache",), False)
        server.start()
        await asyncio.sleep(0.25)
        assert (await whole(ask.stream(BEN, other))).degraded == ()
        assert cache.usage(), "it is kept again"
        cache.close()
