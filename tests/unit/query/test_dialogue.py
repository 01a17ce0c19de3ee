"""What a question of a conversation becomes before it is answered, and what is kept of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.adapters.sql import SqlCatalog
from app.services.ask import AnswerEvent, PassagesFound, Question, whole
from app.services.conversations import Conversations
from app.services.dialogue import Dialogue, FollowUps
from pipelines.domain.access import Principal
from pipelines.domain.answers import Answer, Citation
from pipelines.domain.conversations import ConversationNotFound
from tests.contract.samples import BEN, START, document, ready, set_up

REVENUE = Question("What was Adobe's revenue in 2023?", "papers")


@dataclass
class Citing:
    """An Answerer whose every answer cites doc_a."""

    asked: list[Question] = field(default_factory=list)
    degraded: tuple[str, ...] = ()

    async def stream(self, principal: Principal, question: Question) -> AsyncGenerator[AnswerEvent, None]:
        self.asked.append(question)
        yield PassagesFound(())
        citation = Citation(1, "doc_a", "ver_a", "chk_a", "Report", "report.pdf", 1, (), "19 billion", 0, 10)
        id_ = f"ans_{len(self.asked)}"
        yield Answer(id_, "19 billion. [1]", (citation,), grounded=True, abstained=False, degraded=self.degraded)


@pytest.fixture
def conversations(tmp_path: Path) -> Iterator[Conversations]:
    catalog = SqlCatalog(f"sqlite:///{tmp_path / 'catalog.sqlite3'}")
    catalog.open()
    set_up(catalog)
    with catalog.begin() as uow:
        ready(uow, document("doc_a"))
    yield Conversations(catalog, lambda: START)
    catalog.close()


def _dialogue(ask: Citing, conversations: Conversations) -> Dialogue:
    return Dialogue(ask, FollowUps(None, lambda texts: [0 for _ in texts]), conversations, lambda: START)


async def test_a_follow_up_names_the_documents_that_it_may_have_words_of(conversations: Conversations) -> None:
    ask, begun = Citing(), conversations.begin(BEN)
    dialogue = _dialogue(ask, conversations)
    for text in (REVENUE.text, "And in 2024?", "What is the hotel limit per night?"):
        answer = await whole(dialogue.stream(BEN, Question(text, "papers"), begun.id))
    assert [(each.text, set(each.leans_on)) for each in ask.asked] == [
        (REVENUE.text, set()),
        ("What was Adobe's revenue in 2024?", {"doc_a"}),
        ("What is the hotel limit per night?", set()),
    ]
    assert (answer.standalone, answer.conversation_id) == ("What is the hotel limit per night?", begun.id)
    _, turns = conversations.get(BEN, begun.id)
    assert [(turn.question, turn.answer_id) for turn in turns] == [
        (REVENUE.text, "ans_1"),
        ("And in 2024?", "ans_2"),
        ("What is the hotel limit per night?", "ans_3"),
    ]


async def test_a_conversation_that_is_not_there_is_not_answered(conversations: Conversations) -> None:
    ask = Citing()
    with pytest.raises(ConversationNotFound):
        await whole(_dialogue(ask, conversations).stream(BEN, REVENUE, "cnv_absent"))
    assert ask.asked == []


async def test_one_that_goes_while_it_is_answered_costs_no_answer(conversations: Conversations) -> None:
    begun = conversations.begin(BEN)
    events = _dialogue(Citing(), conversations).stream(BEN, REVENUE, begun.id)
    await anext(events)
    conversations.remove(BEN, begun.id)
    assert (await whole(events)).degraded == ("conversation",)


async def test_a_catalog_that_took_no_record_is_not_waited_for_again(conversations: Conversations) -> None:
    begun = conversations.begin(BEN)
    answer = await whole(_dialogue(Citing(degraded=("record",)), conversations).stream(BEN, REVENUE, begun.id))
    assert answer.degraded == ("record", "conversation")
    assert conversations.get(BEN, begun.id)[1] == []
