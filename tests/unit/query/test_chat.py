"""What stands between questions and a model that is slow, wanted by many, or broken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest

from app.services.admission import AdmittedAsk
from app.services.ask import AnswerEvent, Question, whole
from app.services.chat import BreakingChat, PacedChat, QueuedChat, RetryingChat, in_line
from app.services.chat.turns import FairTurns
from pipelines.domain.access import Principal
from pipelines.domain.answers import Answer
from pipelines.domain.errors import ModelBusy, ModelMissing, ModelTimedOut, ModelUnavailable
from pipelines.ports import ChatModel, Message
from tests.contract.samples import ANNA, BEN, EVE
from tests.fakes.models import ScriptedChat

ASKED = [Message("user", "How much leave?")]


@dataclass
class Moody:
    """A ChatModel that does the next thing of its list with each question: says a word, or raises."""

    moods: list[str | Exception]
    asked: int = 0
    name: str = "moody"

    async def available(self) -> bool:
        return True

    async def stream(self, messages: Sequence[Message]) -> AsyncGenerator[str, None]:
        self.asked += 1
        mood = self.moods.pop(0)
        if isinstance(mood, Exception):
            raise mood
        yield mood


@dataclass
class Clock:
    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


async def _said(chat: ChatModel) -> str:
    return "".join([piece async for piece in chat.stream(ASKED)])


async def _outcomes(chat: ChatModel, times: int) -> list[str]:
    found = []
    for _ in range(times):
        try:
            found.append(await _said(chat))
        except ModelUnavailable as error:
            found.append(error.code)
    return found


# --- pace ---


@pytest.mark.parametrize("words", [0, 2])
async def test_a_model_that_falls_silent_is_given_up_and_left(words: int) -> None:
    chat = ScriptedChat("one two three", hangs_after=words)
    with pytest.raises(ModelTimedOut):
        await _said(PacedChat(chat, first_token_timeout_s=0.05, token_timeout_s=0.05))
    assert chat.left.is_set()


async def test_the_first_word_may_take_longer_than_the_others() -> None:
    chat = PacedChat(ScriptedChat("one", hangs_after=0), first_token_timeout_s=60, token_timeout_s=0.01)
    waiting = asyncio.ensure_future(_said(chat))
    done, _ = await asyncio.wait({waiting}, timeout=0.1)
    waiting.cancel()
    assert not done


# --- retries ---


async def test_a_model_that_stumbles_is_asked_again_each_time_later() -> None:
    model, clock = Moody([ModelUnavailable(), ModelUnavailable(), "28 days"]), Clock()
    assert await _said(RetryingChat(model, sleep=clock.sleep)) == "28 days"
    assert clock.slept == [0.25, 1.0]


async def test_it_is_not_asked_forever() -> None:
    model, clock = Moody([ModelUnavailable()] * 9), Clock()
    with pytest.raises(ModelUnavailable):
        await _said(RetryingChat(model, retries=2, sleep=clock.sleep))
    assert model.asked == 3


@pytest.mark.parametrize("error", [ModelTimedOut(), ModelMissing()])
async def test_what_was_waited_for_or_is_missing_is_not_asked_again(error: ModelUnavailable) -> None:
    model = Moody([error, "28 days"])
    with pytest.raises(type(error)):
        await _said(RetryingChat(model, sleep=Clock().sleep))
    assert model.asked == 1


async def test_what_was_said_is_not_said_twice() -> None:
    chat = ScriptedChat("one two three", fails_after=1)
    pieces = []
    with pytest.raises(ModelUnavailable):
        async for piece in RetryingChat(chat, sleep=Clock().sleep).stream(ASKED):
            pieces.append(piece)
    assert pieces == ["one "]
    assert len(chat.asked) == 1


# --- breaker ---


async def test_a_model_that_keeps_failing_is_left_alone_and_recovers_by_itself() -> None:
    clock = Clock()
    model = Moody([ModelUnavailable()] * 3 + ["28 days"] * 2)
    chat = BreakingChat(model, failures=3, rest_s=10, clock=clock)
    assert await _outcomes(chat, 5) == ["model_unavailable"] * 5
    assert model.asked == 3
    assert not await chat.available()
    clock.now = 10
    assert await chat.available()
    assert await _outcomes(chat, 2) == ["28 days"] * 2


async def test_one_question_decides_whether_it_works_again() -> None:
    clock, model = Clock(), Moody([ModelUnavailable()] * 2 + ["28 days"])
    chat = BreakingChat(model, failures=1, rest_s=10, clock=clock)
    await _outcomes(chat, 1)
    clock.now = 10
    assert await _outcomes(chat, 2) == ["model_unavailable"] * 2
    assert model.asked == 2  # the second was not let through
    clock.now = 20
    stream = chat.stream(ASKED)
    assert await anext(stream) == "28 days"
    assert not await chat.available()  # while one tries
    assert await _outcomes(chat, 1) == ["model_unavailable"]
    await stream.aclose()
    assert await chat.available()  # who left has proved nothing: another may try


async def test_failures_count_in_a_row() -> None:
    model = Moody([ModelUnavailable(), "a", ModelUnavailable(), "b"])
    assert await _outcomes(BreakingChat(model, failures=2), 4) == ["model_unavailable", "a", "model_unavailable", "b"]


# --- queue ---


async def test_a_few_at_once_and_the_others_in_the_order_they_came() -> None:
    order: list[int] = []
    model = ScriptedChat("28 days")
    chat = QueuedChat(model, at_once=1, waiting=5, wait_timeout_s=5)
    first = chat.stream(ASKED)
    assert await anext(first) == ""  # its turn

    async def ask(number: int) -> None:
        await _said(chat)
        order.append(number)

    waiting = [asyncio.ensure_future(ask(number)) for number in range(3)]
    await asyncio.sleep(0)
    assert order == []
    assert model.asked == []
    await first.aclose()
    await asyncio.gather(*waiting)
    assert order == [0, 1, 2]


async def test_the_lines_of_people_take_turns_whoever_asked_how_often() -> None:
    order: list[str] = []
    chat = QueuedChat(ScriptedChat("28 days"), at_once=1, waiting=9, wait_timeout_s=5)
    first = in_line(chat, BEN).stream(ASKED)
    assert await anext(first) == ""

    async def ask(who: Principal) -> None:
        await _said(in_line(chat, who))
        order.append(who.who)

    waiting = [asyncio.ensure_future(ask(who)) for who in (BEN, BEN, BEN, ANNA, EVE, ANNA)]
    gone = asyncio.ensure_future(ask(ANNA))
    await asyncio.sleep(0)
    gone.cancel()
    await first.aclose()
    await asyncio.gather(*waiting)
    names = ["acme/ben", "acme/anna", "rival/anna"]
    assert order == [*names, "acme/ben", "acme/anna", "acme/ben"]
    assert await _said(chat) == "28 days", "who left has taken no turn along"


async def test_a_turn_that_comes_to_somebody_who_leaves_goes_on() -> None:
    turns = FairTurns(1)
    await turns.acquire("a")
    leaving, next_one = (asyncio.ensure_future(turns.acquire(whose)) for whose in "ab")
    await asyncio.sleep(0)
    turns.release()
    leaving.cancel()  # its turn has come, and it does not know yet
    await asyncio.wait_for(next_one, 5)
    turns.release()
    assert not turns.none_free


async def test_a_full_line_refuses_and_a_long_wait_ends() -> None:
    chat = QueuedChat(ScriptedChat("28 days"), at_once=1, waiting=1, wait_timeout_s=0.05)
    async with aclosing(chat.stream(ASKED)) as first:
        await anext(first)
        second = asyncio.ensure_future(_said(chat))
        await asyncio.sleep(0)
        with pytest.raises(ModelBusy):
            await _said(chat)
        with pytest.raises(ModelBusy):
            await second
    assert await _said(chat) == "28 days"


@pytest.mark.parametrize("fails", [True, False])
async def test_a_turn_ends_however_the_answer_does(fails: bool) -> None:
    model = ScriptedChat("28 days", fails_after=1) if fails else ScriptedChat("28 days", hangs_after=1)
    chat = QueuedChat(model, at_once=1, waiting=0, wait_timeout_s=1)
    for _ in range(3):
        asking = asyncio.ensure_future(_said(chat))
        await asyncio.wait({asking}, timeout=0.02)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    model.fails_after = model.hangs_after = None
    assert await _said(chat) == "28 days"


# --- admission ---


class Holding:
    """An Answerer that answers when it is let."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def stream(self, principal: Principal, question: Question) -> AsyncGenerator[AnswerEvent, None]:
        await self.go.wait()
        yield Answer("ans_1", "28 days. [1]", (), grounded=True, abstained=False)


async def test_who_finds_no_place_is_told_at_once_and_when_to_come_again() -> None:
    holding = Holding()
    ask = AdmittedAsk(holding, places=3, at_once=1)
    admitted = [asyncio.ensure_future(whole(ask.stream(BEN, Question("?", "papers")))) for _ in range(3)]
    await asyncio.sleep(0)
    for _ in range(2):
        with pytest.raises(ModelBusy) as refused:
            await whole(ask.stream(BEN, Question("?", "papers")))
        assert 1 <= refused.value.retry_after_s <= 60
    admitted[0].cancel()  # who leaves makes room
    await asyncio.wait({admitted[0]})
    admitted.append(asyncio.ensure_future(whole(ask.stream(BEN, Question("?", "papers")))))
    holding.go.set()
    assert [(await each).id for each in admitted[1:]] == ["ans_1"] * 3


async def test_nobody_takes_the_last_places_from_who_has_none() -> None:
    holding = Holding()
    ask = AdmittedAsk(holding, places=16, at_once=1)

    async def admitted(who: Principal, times: int) -> int:
        asking = [asyncio.ensure_future(whole(ask.stream(who, Question("?", "papers")))) for _ in range(times)]
        await asyncio.sleep(0)
        return sum(not each.done() for each in asking)

    assert await admitted(BEN, 20) == 14
    assert [await admitted(ANNA, 2), await admitted(EVE, 2)] == [1, 1]
    assert await admitted(Principal("acme", "dora"), 1) == 0
    holding.go.set()
